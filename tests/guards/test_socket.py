"""docs/socket.md against the messages that it describes."""
import re

from sources import TOP


def types_of_the_code():
    text = (TOP / "libreplica/format/message.h").read_text()
    text = re.search(r"enum message_type \{(.*?)\};", text, re.S)[1]
    number, types = 0, {}
    for name, value in re.findall(r"^\s*MESSAGE_(\w+)(?: = (\d+))?", text, re.M):
        number = int(value) if value else number + 1
        types[name.lower().replace("_", "-")] = number
    del types["request-end"]
    return types


def test_every_type_of_message_is_described():
    text = (TOP / "docs/socket.md").read_text()
    rows = {name: int(number) for name, number in
            re.findall(r"^\| ([a-z-]+) \| (\d+) \|", text, re.M)}
    assert rows == types_of_the_code()


def test_every_member_is_described():
    source = (TOP / "libreplica/format/message.c").read_text()
    members = re.findall(r"(?:REQUEST|ANSWER)_FIELD\((\w+), FIELD", source) + ["names", "chunks"]
    assert len(members) > 20
    text = (TOP / "docs/socket.md").read_text()
    assert not [name for name in members if f"`{name}`" not in text]
