"""What the operator and its tests ask an API server, against what the cases ask: is there a case for each?

`sent.txt` has the requests that scenarios, the played controllers and nodes, and the clients of tests/kubectl were
seen to send: verb, resource with its group and subresource, media type of a patch. A line is a verb of a kind.
"""
import os
import urllib.parse

import play

# What only plays the world, and by patches where the real controllers update; see runtime/sandbox/README.md
PLAYED = ("patch apps/controllerrevisions application/merge-patch+json", "patch namespaces/finalize application/merge-patch+json")
SENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sent.txt")
METHODS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


def asked(step):
    """A step of a case as such a line, and those that it plays while it watches."""
    path, _, query = play.url(step["path"], "n").partition("?")
    query = urllib.parse.parse_qs(query)
    parts = path.strip("/").split("/")
    group = [] if parts[0] == "api" else [parts[1]]
    rest = parts[2 if parts[0] == "api" else 3:]
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        rest = rest[2:]
    named = len(rest) > 1
    verb = METHODS.get(step["method"]) or {"GET": "get" if named else "list", "DELETE": "delete" if named else "deletecollection"}[step["method"]]
    if "watch" in step or "true" in query.get("watch", []):
        verb = "watch"
    words = [verb, "/".join([*group, rest[0], *rest[2:3]])]
    if verb == "patch":
        words.append(step["headers"].get("Content-Type", ""))
    yield " ".join(words)
    for other in step.get("watch", {}).get("during", []):
        yield from asked(other)


def check(cases):
    have = {line for case in cases for step in case.steps for line in asked(step)}
    with open(SENT, encoding="utf-8") as file:
        lines = file.read().splitlines()
    missing = [line for line in lines if line not in have and line not in PLAYED]
    for line in missing:
        print("no case: " + line)
    print("%d passed, %d failed" % (len(lines) - len(missing), len(missing)))
    return 1 if missing else 0
