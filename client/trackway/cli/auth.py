"""`trackway auth`: who may do what, on the server."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trackway.cli.connection import Json, Limit, Uri, connect
from trackway.cli.output import Column, moment, print_json, print_line, print_pairs, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackway.client import Client
    from trackway.types import ApiKey, ExperimentRole, ModelRole, PrincipalKind, Role, RoleBinding

app = typer.Typer(help="Users, service accounts, keys, workspaces and roles.", no_args_is_help=True)
workspaces = typer.Typer(help="Workspaces: where everything lies and roles hold.", no_args_is_help=True)
roles = typer.Typer(help="Roles in a workspace, or on one experiment or model.", no_args_is_help=True)
keys = typer.Typer(help="API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]
Principal = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="A user or a service account.")]
Owner = Annotated[str, typer.Option("--principal", "-p", metavar="NAME", help="Whose. Default: your own.")]
Workspace = Annotated[str, typer.Option("--workspace", "-w", metavar="NAME", help="Where the role holds.")]
Experiment = Annotated[
    str, typer.Option("--experiment", "-e", metavar="ID|NAME", help="On this experiment alone, not in the workspace.")
]
Model = Annotated[
    str, typer.Option("--model", "-m", metavar="NAME", help="On this registered model alone, not in the workspace.")
]
Note = Annotated[str, typer.Option("--description", help="For people.")]


@app.callback()
def auth() -> None:
    """Users, service accounts, keys, workspaces and roles."""


@app.command()
def login(
    key: Annotated[str, typer.Option("--key", envvar="TRACKWAY_TOKEN", help="Better not given here.")] = "",
    oidc_token_file: Annotated[
        Path | None,
        typer.Option("--oidc-token-file", metavar="FILE", help="A token of an OIDC issuer, in place of a key."),
    ] = None,
    uri: Uri = None,
) -> None:
    """Check a key and note it in your profile, for the server it is for. It is asked for, and not shown.

    With --oidc-token-file it is the path that is noted; the file is read again when it has changed.
    """
    from trackway import config
    from trackway._profile import note_key, note_token_file
    from trackway.client import Client

    if oidc_token_file is None:
        key = (key or str(typer.prompt("Key", hide_input=True))).strip()
        address = config.resolve(uri, token=key)
    else:
        address = config.resolve(uri).with_token_file(str(oidc_token_file.absolute()))
    with Client(address) as client:
        who = client.auth.get_self()
    path = (
        note_key(address.target, key)
        if oidc_token_file is None
        else note_token_file(address.target, address.oidc_token_file or "")
    )
    print_line(f"{who.name} is noted for {address.target} in {path}")


@app.command()
def whoami(uri: Uri = None, as_json: Json = False) -> None:
    """Say whose key is used, and what it may do."""
    with connect(uri) as client:
        who = client.auth.get_self()
    if as_json:
        print_json(who)
        return
    facts = [("administers the server", "yes")] if who.server_admin else []
    print_pairs(who.name, [*facts, *((f"in {workspace}", role) for workspace, role in who.roles.items())])


def _principals(kind: PrincipalKind, title: str, one: str) -> typer.Typer:
    """The commands of one kind of principal."""
    commands = typer.Typer(help=f"{title}.", no_args_is_help=True)

    @commands.command("list", help=f"List the {title.lower()}, by name.")
    def list_them(uri: Uri = None, limit: Limit = 100, as_json: Json = False) -> None:
        with connect(uri) as client:
            found = list(islice(client.auth.list_principals(kind), limit))
        if as_json:
            print_json(found)
            return
        columns = (Column("Name"), Column("For people"), Column("Administers"), Column("Created", wrap=False))
        rows = [
            (each.name, each.display_name, "the server" if each.server_admin else "", moment(each.create_time_us))
            for each in found
        ]
        print_table(title, columns, rows, empty=f"There are no {title.lower()}.")

    @commands.command("create", help=f"Make a {one}, without any role or key.")
    def create(
        name: Name,
        uri: Uri = None,
        display_name: Annotated[str, typer.Option("--display-name", help="For people.")] = "",
        server_admin: Annotated[bool, typer.Option("--server-admin", help="It administers the server.")] = False,
        as_json: Json = False,
    ) -> None:
        with connect(uri) as client:
            made = client.auth.create_principal(name, kind, display_name=display_name, server_admin=server_admin)
        print_json(made) if as_json else print_line(f"made the {one} {made.name}")

    @commands.command("delete", help=f"Delete a {one} and its roles, and revoke its keys.")
    def delete(name: Name, uri: Uri = None) -> None:
        with connect(uri) as client:
            client.auth.delete_principal(name)
        print_line(f"deleted {name}")

    return commands


@workspaces.command("list")
def list_workspaces(uri: Uri = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List the workspaces that you see, by name."""
    with connect(uri) as client:
        found = list(islice(client.auth.list_workspaces(), limit))
    if as_json:
        print_json(found)
        return
    columns = (Column("Workspace"), Column("Description"), Column("Created", wrap=False))
    rows = [(each.name, each.description, moment(each.create_time_us)) for each in found]
    print_table("Workspaces", columns, rows, empty="You see no workspace.")


@workspaces.command("create")
def create_workspace(name: Name, uri: Uri = None, description: Note = "", as_json: Json = False) -> None:
    """Make a workspace; you are ADMIN in it."""
    with connect(uri) as client:
        made = client.auth.create_workspace(name, description=description)
    print_json(made) if as_json else print_line(f"made the workspace {made.name}")


@workspaces.command("delete")
def delete_workspace(name: Name, uri: Uri = None) -> None:
    """Delete a workspace and the roles in it; what it holds stays, and nobody reaches it."""
    with connect(uri) as client:
        client.auth.delete_workspace(name)
    print_line(f"deleted the workspace {name}")


@roles.command("list")
def list_roles(
    uri: Uri = None,
    workspace: Workspace = "default",
    experiment: Experiment = "",
    model: Model = "",
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List the roles in a workspace, or those on one experiment or model alone, by principal."""
    with _connected(uri, workspace, experiment, model) as client:
        found: Iterator[RoleBinding | ExperimentRole | ModelRole]
        if experiment:
            found = client.auth.list_experiment_roles(_experiment(client, experiment))
        elif model:
            found = client.auth.list_model_roles(model, workspace=workspace)
        else:
            found = client.auth.list_roles(workspace=workspace)
        shown: list[RoleBinding | ExperimentRole | ModelRole] = list(islice(found, limit))
    if as_json:
        print_json(shown)
        return
    rows = [(each.principal, each.role) for each in shown]
    title = f"Roles {_place(workspace, experiment, model)}"
    print_table(title, (Column("Principal"), Column("Role")), rows, empty="Nobody has a role there.")


@roles.command("grant")
def grant_role(
    principal: Principal,
    role: Annotated[
        Literal["viewer", "editor", "approver", "admin"], typer.Argument(metavar="ROLE", case_sensitive=False)
    ],
    uri: Uri = None,
    workspace: Workspace = "default",
    experiment: Experiment = "",
    model: Model = "",
    as_json: Json = False,
) -> None:
    """Give a principal a role (viewer, editor, approver, admin), in place of the one it had.

    A role on one experiment or model adds to the one in the workspace, and needs none.
    """
    given: RoleBinding | ExperimentRole | ModelRole
    wanted: dict[str, Role] = {"viewer": "VIEWER", "editor": "EDITOR", "approver": "APPROVER", "admin": "ADMIN"}
    with _connected(uri, workspace, experiment, model) as client:
        if experiment:
            given = client.auth.grant_experiment_role(_experiment(client, experiment), principal, wanted[role])
        elif model:
            given = client.auth.grant_model_role(model, principal, wanted[role], workspace=workspace)
        else:
            given = client.auth.grant_role(principal, wanted[role], workspace=workspace)
    if as_json:
        print_json(given)
        return
    print_line(f"{given.principal} is {given.role} {_place(workspace, experiment, model)}")


@roles.command("revoke")
def revoke_role(
    principal: Principal,
    uri: Uri = None,
    workspace: Workspace = "default",
    experiment: Experiment = "",
    model: Model = "",
) -> None:
    """Take a principal's role away: the one in the workspace, or the one on an experiment or a model."""
    with _connected(uri, workspace, experiment, model) as client:
        if experiment:
            client.auth.revoke_experiment_role(_experiment(client, experiment), principal)
        elif model:
            client.auth.revoke_model_role(model, principal, workspace=workspace)
        else:
            client.auth.revoke_role(principal, workspace=workspace)
    print_line(f"{principal} has no role {_place(workspace, experiment, model)} any more")


def _connected(uri: str | None, workspace: str, experiment: str, model: str) -> Client:
    """A client; what lies in a workspace is asked for in that."""
    if experiment and model:
        raise typer.BadParameter("name an experiment or a model, not both")
    return connect(uri, workspace if experiment or model else "")


def _experiment(client: Client, named: str) -> str:
    """The id of an experiment that is named by it, or by its name."""
    return named if named.isdecimal() else client.tracking.get_experiment(name=named).experiment_id


def _place(workspace: str, experiment: str, model: str) -> str:
    if experiment:
        return f"on experiment {experiment} alone"
    return f"on model {model} alone" if model else f"in {workspace}"


@keys.command("list")
def list_keys(uri: Uri = None, principal: Owner = "", limit: Limit = 100, as_json: Json = False) -> None:
    """List keys, newest first; secrets are not to be had."""
    with connect(uri) as client:
        found = list(islice(client.auth.list_keys(principal), limit))
    if as_json:
        print_json(found)
        return
    columns = (
        Column("Key", wrap=False),
        Column("Of"),
        Column("Name"),
        Column("Created", wrap=False),
        Column("Last used", wrap=False),
        Column("Ends"),
    )
    rows = [
        (f"twk_{each.key_id}_…", each.principal, each.name, moment(each.create_time_us), _last_use(each), _end(each))
        for each in found
    ]
    print_table("Keys", columns, rows, empty="There are no keys.")


@keys.command("create")
def create_key(
    uri: Uri = None,
    principal: Owner = "",
    name: Annotated[str, typer.Option("--name", help="For people.")] = "",
    days: Annotated[float | None, typer.Option("--days", help="How long it is valid. Default: for ever.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key and print its secret, this once: it is kept nowhere."""
    with connect(uri) as client:
        made = client.auth.create_key(principal, name=name, lifetime_days=days)
    print_json(made) if as_json else print_line(made.secret)


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, as `keys list` shows it.")], uri: Uri = None
) -> None:
    """End a key at once, and its tokens within five minutes."""
    with connect(uri) as client:
        revoked = client.auth.revoke_key(key.removeprefix("twk_").partition("_")[0])
    print_line(f"revoked the key {revoked.key_id} of {revoked.principal}")


@keys.command("rotate-signing")
def rotate_signing(
    uri: Uri = None,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="End every token there is, within a minute.")] = False,
) -> None:
    """Have tokens signed by a new key. The old one verifies until its last token has expired."""
    with connect(uri) as client:
        found = client.auth.rotate_signing_keys(drop_old=drop_old)
    print_line(f"{found[0]} signs; {len(found)} verify")


def _last_use(key: ApiKey) -> str:
    return moment(key.last_use_time_us) or "never"


def _end(key: ApiKey) -> str:
    if key.revoke_time_us:
        return f"revoked {moment(key.revoke_time_us)}"
    return moment(key.expire_time_us) or "never"


app.add_typer(_principals("USER", "Users", "user"), name="users")
app.add_typer(_principals("SERVICE_ACCOUNT", "Service accounts", "service account"), name="service-accounts")
app.add_typer(keys, name="keys")
app.add_typer(workspaces, name="workspaces")
app.add_typer(roles, name="roles")
