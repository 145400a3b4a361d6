"""docs/requests.md against the code it describes."""
import re

from sources import TOP, tracked

ROW = re.compile(r"^\s*\[REQUEST_(\w+)\] = \{DOOR_(\w+), &(\w+), (\w+)\},$", re.M)


def handler_files():
    """File name by handler function."""
    return {name: path.name for path in tracked("mod_replica/handlers/*.c")
            for name in re.findall(r"^int (handle_\w+)\(", path.read_text(), re.M)}


def rows_of_the_code():
    routes = (TOP / "mod_replica/routes.c").read_text()
    grammar = (TOP / "libreplica/format/request_path.c").read_text()
    kinds = dict(re.findall(r'\[REQUEST_(\w+)\] = "([a-z0-9-]+)"', grammar))
    methods = dict(re.findall(r'route_methods (\w+) = \{[^"]*"([A-Z, ]+)"\}', routes))
    files = handler_files()
    rows = [(kinds[kind], door.lower(), methods[allowed], files[handler])
            for kind, door, allowed, handler in ROW.findall(routes)]
    assert len(rows) == len(re.findall(r"^\s*\[REQUEST_", routes, re.M))
    return rows


def rows_of_the_document():
    text = (TOP / "docs/requests.md").read_text()
    return re.findall(r"^\| `([a-z0-9-]+)` \| .* \| (\w+) \| ([A-Z, ]+) \| `(\w+\.c)` \|$",
                      text, re.M)


def test_the_table_of_routes_is_the_code():
    assert sorted(rows_of_the_document()) == sorted(rows_of_the_code())


def test_every_handler_has_its_test():
    missing = [name for name in set(handler_files().values())
               if not (TOP / f"tests/integration/test_{name[:-2]}.py").exists()]
    assert not missing
