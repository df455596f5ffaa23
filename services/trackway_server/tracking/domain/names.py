"""Names for runs that were given none: adjective-noun-number, as in MLflow."""

from __future__ import annotations

import secrets

_ADJECTIVES = """
able amber ancient bold brave bright calm careful clever crisp curious daring deep eager early even fair fast fine
fleet gentle glad golden grand happy hardy honest humble keen kind late lively loyal lucid merry mild modest neat
nimble noble open patient placid polite proud quick quiet rare ready rosy silent simple sleek smooth sober steady
still sunny swift tidy upbeat vivid warm wise witty young
"""
_NOUNS = """
ammonite badger beetle bison bittern boar cedar cobra condor crane crow curlew deer dove eagle egret elk falcon
fern finch fox gecko goose grouse gull hare hawk heron horse ibex ibis jay kestrel kite lark lemur lynx marten
mink mole moose moth newt ocelot orca osprey otter owl panda perch pike plover puma quail raven robin salmon seal
shrew skua snipe sparrow stoat stork swan tern toad trout viper vole whale wolf wren yak zebra
"""


def random_run_name() -> str:
    """For example `nimble-heron-417`."""
    return f"{secrets.choice(_ADJECTIVES.split())}-{secrets.choice(_NOUNS.split())}-{secrets.randbelow(1000)}"
