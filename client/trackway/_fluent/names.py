"""Names of runs, made by the client so that a run without a server has one too."""

from __future__ import annotations

import os

_ADJECTIVES = """
able agile amber ancient azure balmy bold brave bright brisk calm candid clever coral cosmic crisp daring deft
eager early fair fleet fond fresh gentle glad golden grand hardy honest humble jolly keen kind lively lucid
lunar lush mellow merry mighty misty modest noble patient placid polite proud quick quiet rapid serene sharp
silent sleek smooth solar spry steady stoic sunny swift tender tidy upbeat valiant vivid warm wise witty zesty
""".split()  # noqa: SIM905 - a word a line would be two hundred lines
_NOUNS = """
aardvark albatross alpaca auk badger bear beaver bison boar camel caribou cheetah condor cormorant crane
curlew deer dodo dolphin eagle egret elk falcon ferret finch fox gazelle gecko gibbon goose grouse hare hawk
heron horse ibex ibis jackal jay kestrel kite koala lark lemur lion lizard loon lynx marten mink mole moose
newt ocelot orca osprey otter owl panda panther penguin perch pika plover puffin quail rabbit raven robin seal
shrew skua sloth stoat stork swan tapir tern toad trout vole walrus weasel whale wolf wombat wren yak zebra
""".split()  # noqa: SIM905 - a word a line would be two hundred lines


def random_run_name() -> str:
    """A name to tell runs apart by: `adjective-noun-NUMBER`."""
    draw = int.from_bytes(os.urandom(6), "big")
    adjective = _ADJECTIVES[draw % len(_ADJECTIVES)]
    noun = _NOUNS[(draw >> 16) % len(_NOUNS)]
    return f"{adjective}-{noun}-{(draw >> 32) % 1000}"
