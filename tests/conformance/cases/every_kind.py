"""What holds for every kind: each situation is played with each of them."""
from kinds import KINDS, merged
from play import (APPLY, DELETE, GET, JSONP, MERGE, PARTIAL, PARTIAL_LIST, POST, PUT, STRATEGIC, TABLED, WATCH, case)

MINE = "labelSelector=case%3D$ns"


def basics(k):
    p, a, one = k.plural, k.name("a"), k.make()
    at = "%s/%s" % (p, a)
    title = p + ": "
    case(title + "create, get, create again, delete, delete again",
         POST(p, one), GET(at), POST(p, one), DELETE(at), GET(at), DELETE(at), POST(p, one))
    case(title + "nothing of that name", GET(at), DELETE(at), MERGE(at, {"metadata": {"labels": {"x": "y"}}}), PUT(at, one), GET(at))
    case(title + "a name by the server", POST(p, k.make(name=None, generateName=k.name("g-"))), GET(p + "/${1.metadata.name}"), DELETE(p + "/${1.metadata.name}"))
    alone = p != "services" # which get an address before their name is looked at
    case(title + "names that are refused", *([POST(p, k.make(name=None)), POST(p, merged(one, {"metadata": {"name": "a/b"}}))] if alone else []),
         POST(p, merged(one, {"metadata": {"name": "$ns no name"}})), POST(p, merged(one, {"metadata": {"name": "$ns" + "x" * 300}})), POST(p, merged(one, {"metadata": {"namespace": "another"}})))
    case(title + "dry run of every write", POST(p + "?dryRun=All", one), GET(at), POST(p, one), PUT(at + "?dryRun=All", merged(one, k.change)), MERGE(at + "?dryRun=All", k.change),
         APPLY(at, merged(one, {"metadata": {"labels": {"d": "e"}}}), dryRun="All"), DELETE(at + "?dryRun=All"), GET(at), POST(p + "?dryRun=Some", one))
    case(title + "metadata that is refused", POST(p, k.make(labels={"a b": "c"})), POST(p, k.make(labels={"a": "b c"})), POST(p, k.make(annotations={"a b": "c"})),
         POST(p, k.make(finalizers=["bad"])), POST(p, k.make(ownerReferences=[{"kind": "X", "name": "y"}])), POST(p, k.make(labels={"a": 1})), POST(p, k.make(labels=["a"])))
    case(title + "metadata of the server's is not taken", POST(p, k.make(uid="11111111-2222-3333-4444-555555555555", generation=7, creationTimestamp="2001-02-03T04:05:06Z", selfLink="/x",
                                                                             deletionTimestamp="2001-02-03T04:05:06Z", deletionGracePeriodSeconds=5)), GET(at), POST(p, k.make(name="b", resourceVersion="5")))


def updates(k):
    p, a, one = k.plural, k.name("a"), k.make()
    at = "%s/%s" % (p, a)
    title = p + ": "
    changed = merged(one, k.change)
    case(title + "updates and their revisions", POST(p, one), PUT(at, merged(one, {"metadata": {"resourceVersion": "${1.metadata.resourceVersion}"}})),
         PUT(at, merged(changed, {"metadata": {"resourceVersion": "${1.metadata.resourceVersion}"}})), PUT(at, merged(one, {"metadata": {"resourceVersion": "${1.metadata.resourceVersion}"}})),
         PUT(at, merged(changed, {"metadata": {"labels": {"more": "x"}}})), PUT(at, merged(changed, {"metadata": {"resourceVersion": "nonsense"}})), PUT(at, merged(changed, {"metadata": {"resourceVersion": "0"}})), GET(at))
    case(title + "updates that name another object", POST(p, one), PUT(at, merged(one, {"metadata": {"name": "other"}})), PUT(at, merged(one, {"metadata": {"name": None}})),
         PUT(at, merged(one, {"metadata": {"uid": "11111111-2222-3333-4444-555555555555", "resourceVersion": "${1.metadata.resourceVersion}"}})),
         PUT(at, merged(one, {"metadata": {"namespace": "another"}})), PUT(at, merged(one, {"kind": "Other"})), PUT(at, merged(one, {"apiVersion": "v7"})), PUT(at, merged(one, {"kind": None})))
    case(title + "merge patches", POST(p, one), MERGE(at, k.change), MERGE(at, k.change), MERGE(at, {"metadata": {"labels": {"x": "y", "case": None}}}),
         MERGE(at, {"metadata": {"resourceVersion": "${1.metadata.resourceVersion}", "labels": {"x": "z"}}}), MERGE(at, {}), MERGE(at, []), MERGE(at, "{"), MERGE(at, {"metadata": {"name": "b"}}), GET(at))
    case(title + "JSON patches", POST(p, one), JSONP(at, {"op": "add", "path": "/metadata/annotations", "value": {"a": "b"}}), JSONP(at, {"op": "test", "path": "/metadata/annotations/a", "value": "b"},
         {"op": "replace", "path": "/metadata/annotations/a", "value": "c"}), JSONP(at, {"op": "test", "path": "/metadata/annotations/a", "value": "b"}), JSONP(at, {"op": "remove", "path": "/metadata/annotations/x"}),
         JSONP(at, {"op": "copy", "from": "/metadata/annotations/a", "path": "/metadata/annotations/b"}), JSONP(at, {"op": "move", "from": "/metadata/annotations/b", "path": "/metadata/annotations/c"}),
         JSONP(at, {"op": "fly", "path": "/x"}), JSONP(at, {"op": "replace", "path": "/nothing/there", "value": 1}), JSONP(at, {"op": "remove", "path": "/metadata"}))
    case(title + "strategic patches", POST(p, one), STRATEGIC(at, k.change), STRATEGIC(at, {"metadata": {"labels": {"$patch": "replace", "new": "l"}}}), STRATEGIC(at, {"metadata": {"finalizers": ["a.example/b"]}}),
         STRATEGIC(at, {"metadata": {"finalizers": ["a.example/c"]}}), STRATEGIC(at, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.example/b", "a.example/c"]}}), GET(at))
    case(title + "another media type", POST(p, one, Content_Type="text/plain"), POST(p, one), POST(p, "{}", Content_Type="application/merge-patch+json"),
         {**MERGE(at, k.change), "headers": {"Content-Type": "application/json"}}, {**MERGE(at, k.change), "headers": {"Content-Type": "text/plain"}}, GET(at, Accept="text/html"), GET(at, Accept="application/yaml;q=0.1, */*"))
    for name, patch in k.fixed.items():
        case(title + "cannot change: " + name, POST(p, one), MERGE(at, patch), PUT(at, merged(merged(one, patch), {"metadata": {"resourceVersion": "${1.metadata.resourceVersion}"}})), GET(at))
    for name, patch in k.wrong.items():
        case(title + "refused: " + name, POST(p, merged(one, patch)), POST(p, one), MERGE(at, patch), APPLY(at, merged(one, patch), force=True))


def applies(k):
    p, a, one = k.plural, k.name("a"), k.make()
    at = "%s/%s" % (p, a)
    title = p + ": "
    bare = merged(one, {"metadata": {"labels": None}})
    again = [APPLY(at, one)] if p != "persistentvolumeclaims" else [] # whose first write anew is one, whatever is in it
    case(title + "apply, again, by another, force, give up", APPLY(at, one), *again, APPLY(at, merged(one, k.change), "two"), APPLY(at, merged(one, k.change), "two", force=True),
         APPLY(at, one), APPLY(at, bare), APPLY(at, merged(bare, {"metadata": {"labels": {"x": "y"}}}), "two"), APPLY(at, bare, "two"), GET(at))
    case(title + "apply over what was created", POST(p, one), APPLY(at, merged(one, k.change)), APPLY(at, merged(one, k.change), force=True), APPLY(at, bare), MERGE(at, {"metadata": {"labels": {"mine": "x"}}}),
         APPLY(at, merged(one, {"metadata": {"labels": {"mine": "y"}}})), GET(at))
    case(title + "apply that is refused", APPLY(at, merged(one, {"metadata": {"name": "other"}})), {**APPLY(at, one), "path": at}, APPLY(at, merged(one, {"metadata": {"managedFields": [{"manager": "m"}]}})),
         APPLY(at, merged(one, {"kind": None})), APPLY(at, merged(one, {"apiVersion": None})), APPLY(at, merged(one, {"metadata": {"resourceVersion": "5"}})),
         APPLY(at, merged(one, {"metadata": {"uid": "11111111-2222-3333-4444-555555555555"}})), APPLY(at, "]"), APPLY(at, merged(one, {"unknown": 1})), APPLY(at, merged(one, {"unknown": 1}), fieldValidation="Strict"))
    case(title + "shared ownership ends with the last", APPLY(at, merged(one, {"metadata": {"annotations": {"s": "1"}}})), APPLY(at, merged(one, {"metadata": {"annotations": {"s": "1"}}}), "two"),
         APPLY(at, one), APPLY(at, one, "two"), GET(at), MERGE(at, {"metadata": {"managedFields": []}}), MERGE(at, {"metadata": {"managedFields": [{}]}}), APPLY(at, one))
    case(title + "finalizers and owners by apply", APPLY(at, merged(one, {"metadata": {"finalizers": ["a.example/one"]}})), APPLY(at, merged(one, {"metadata": {"finalizers": ["a.example/two"]}}), "two"),
         APPLY(at, merged(one, {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "11111111-2222-3333-4444-555555555555"}]}})),
         APPLY(at, merged(one, {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "11111111-2222-3333-4444-555555555555", "controller": True}]}}), "two"), APPLY(at, one, "two"), GET(at))
    case(title + "unknown fields", POST(p, merged(one, {"unknown": 1, "metadata": {"colour": "red"}})), DELETE(at), POST(p + "?fieldValidation=Strict", merged(one, {"unknown": {"a": 1}})), POST(p + "?fieldValidation=Ignore", merged(one, {"unknown": 1})),
         MERGE(at + "?fieldValidation=Strict", {"unknown": 1}), PUT(at + "?fieldValidation=Strict", merged(one, {"unknown": 1})), MERGE(at + "?fieldValidation=Warn", {"unknown": 1}), POST(p + "?fieldValidation=Never", one), GET(at))


def deletes(k):
    p, a, one = k.plural, k.name("a"), k.make()
    at = "%s/%s" % (p, a)
    title = p + ": "
    held = merged(one, {"metadata": {"finalizers": ["a.example/hold"]}})
    case(title + "finalizers hold", POST(p, held), DELETE(at), GET(at), DELETE(at), MERGE(at, {"metadata": {"labels": {"x": "y"}}}), MERGE(at, {"metadata": {"finalizers": ["a.example/hold", "a.example/new"]}}),
         POST(p, one), MERGE(at, {"metadata": {"finalizers": None}}), GET(at))
    case(title + "delete with preconditions", POST(p, one), DELETE(at, {"preconditions": {"uid": "11111111-2222-3333-4444-555555555555"}}), DELETE(at, {"preconditions": {"resourceVersion": "1"}}), GET(at),
         DELETE(at, {"preconditions": {"uid": "${1.metadata.uid}", "resourceVersion": "${1.metadata.resourceVersion}"}}), GET(at))
    case(title + "propagation: orphan", POST(p, one), DELETE(at, {"propagationPolicy": "Orphan"}), GET(at), DELETE(at, {"propagationPolicy": "Foreground"}), GET(at), MERGE(at, {"metadata": {"finalizers": []}}), GET(at))
    case(title + "propagation: foreground", POST(p, one), DELETE(at + "?propagationPolicy=Foreground"), GET(at), DELETE(at, {"propagationPolicy": "Background"}), MERGE(at, {"metadata": {"finalizers": []}}), GET(at))
    case(title + "propagation: background and mistakes", POST(p, one), DELETE(at, {"propagationPolicy": "Perhaps"}), DELETE(at, {"propagationPolicy": "Orphan", "orphanDependents": True}), DELETE(at, {"gracePeriodSeconds": -3}),
         DELETE(at, "{"), DELETE(at, {"kind": "Other", "apiVersion": "v1"}), DELETE(at, {"dryRun": ["Some"]}), DELETE(at, {"propagationPolicy": "Background"}), GET(at))
    case(title + "options of a delete in its query", POST(p, one), DELETE(at + "?gracePeriodSeconds=0&dryRun=All"), DELETE(at + "?orphanDependents=true"), GET(at), DELETE(at + "?gracePeriodSeconds=x"))
    case(title + "delete a collection", POST(p, one), POST(p, k.make("b", labels={"case": "$ns", "n": "2"})), POST(p, merged(held, {"metadata": {"name": k.name("c"), "labels": {"n": "3"}}})), DELETE(p + "?" + MINE + ",n%3D2"),
         GET(p + "?" + MINE), DELETE(p + "?" + MINE + "&dryRun=All"), DELETE(p + "?" + MINE), GET(p + "?" + MINE))


def reads(k):
    p, a, one = k.plural, k.name("a"), k.make()
    at = "%s/%s" % (p, a)
    title = p + ": "
    three = [POST(p, k.make(n, labels={"case": "$ns", "n": n})) for n in ("a", "b", "c")]
    case(title + "label selectors", *three, *[GET(p + "?labelSelector=case%3D$ns," + s) for s in (
        "n%3Da", "n!%3Da", "n+in+(a,b)", "n+notin+(a,b)", "n", "!n", "n%3D%3Db", "n%3Dnone", "n+in+()", "n%3E1")], GET(p + "?labelSelector=a%3Db%3Dc"), GET(p + "?labelSelector=a+like+b"))
    case(title + "field selectors", *three, GET(p + "?fieldSelector=metadata.name%3D" + k.name("b")), GET(p + "?" + MINE + "&fieldSelector=metadata.name!%3D" + k.name("b")), GET(p + "?" + MINE + "&fieldSelector=status.colour%3Dred"),
         GET(p + "?" + MINE + "&fieldSelector=metadata.name"), GET(p + "?" + MINE + "&fieldSelector=metadata.namespace%3D" + ("$ns" if k.namespaced else "")))
    # Whether there is more behind the last one depends, for kinds without namespaces, on other cases.
    one_more = [GET(p + "?" + MINE + "&limit=1&continue=${4.metadata.continue}")] if k.namespaced else []
    case(title + "pages", *three, GET(p + "?" + MINE + "&limit=2"), GET(p + "?" + MINE + "&limit=2&continue=${4.metadata.continue}"), *one_more, GET(p + "?" + MINE + "&limit=5"),
         GET(p + "?" + MINE + "&limit=0"), GET(p + "?" + MINE + "&continue=nonsense"), GET(p + "?" + MINE + "&limit=-1"), GET(p + "?" + MINE + "&limit=x"), *([GET(p + "?limit=1"), GET(p + "?limit=1&continue=${12.metadata.continue}"),
         GET(p + "?limit=2&continue=${12.metadata.continue}&resourceVersion=1")] if k.namespaced and p not in ("serviceaccounts",) else []))
    case(title + "tables", *three, TABLED(at), TABLED(p + "?" + MINE), TABLED(p + "?" + MINE + "&limit=1"), TABLED(at + "?includeObject=Object"), TABLED(at + "?includeObject=None"), TABLED(p + "/none"), TABLED(p + "?" + MINE + ",none"), TABLED(at + "?includeObject=Some"))
    case(title + "metadata alone", *three, GET(at, Accept=PARTIAL), GET(p + "?" + MINE, Accept=PARTIAL_LIST), GET(p + "?" + MINE + "&limit=1", Accept=PARTIAL_LIST), GET(p + "/none", Accept=PARTIAL))
    case(title + "lists at a revision", *three, GET(p + "?" + MINE), GET(p + "?" + MINE + "&resourceVersion=0"), GET(p + "?" + MINE + "&resourceVersion=${2.metadata.resourceVersion}&resourceVersionMatch=NotOlderThan"),
         GET(p + "?" + MINE + "&resourceVersion=${2.metadata.resourceVersion}&resourceVersionMatch=Exact"), GET(p + "?" + MINE + "&resourceVersion=x"), GET(p + "?" + MINE + "&resourceVersionMatch=Exact"),
         GET(p + "?" + MINE + "&resourceVersion=1&resourceVersionMatch=Perhaps"), GET(at + "?resourceVersion=0"), GET(at + "?resourceVersion=x"))


def watches(k):
    p, a, one = k.plural, k.name("a"), k.make()
    at = "%s/%s" % (p, a)
    title = p + ": "
    case(title + "a watch from a revision", POST(p, one), MERGE(at, {"metadata": {"labels": {"x": "1"}}}), MERGE(at, {"metadata": {"labels": {"x": "1"}}}), MERGE(at, k.change), DELETE(at + "?gracePeriodSeconds=0"),
         WATCH(p + "?" + MINE + "&resourceVersion=${1.metadata.resourceVersion}", 3), WATCH(p + "?labelSelector=case%3D$ns,x%3D1&resourceVersion=${1.metadata.resourceVersion}", 3),
         WATCH(p + "?fieldSelector=metadata.name%3D" + a + "&resourceVersion=${1.metadata.resourceVersion}", 3))
    case(title + "a watch that begins with all", POST(p, one), WATCH(p + "?" + MINE, 4, MERGE(at, {"metadata": {"labels": {"x": "1"}}}), MERGE(at, {"metadata": {"labels": {"case": "other"}}}), MERGE(at, {"metadata": {"labels": {"case": "$ns"}}})),
         WATCH(p + "?" + MINE + "&resourceVersion=0", 2, DELETE(at + "?gracePeriodSeconds=0")))
    case(title + "a streamed list", POST(p, one), WATCH(p + "?" + MINE + "&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan", 3, POST(p, k.make("b"))),
         WATCH(p + "?" + MINE + "&sendInitialEvents=true", 1), WATCH(p + "?" + MINE + "&sendInitialEvents=true&allowWatchBookmarks=true", 1), WATCH(p + "?" + MINE + "&resourceVersionMatch=NotOlderThan", 1))
    case(title + "a watch of tables", POST(p, one), WATCH(p + "?" + MINE, 2, MERGE(at, {"metadata": {"labels": {"x": "1"}}}), Accept=TABLED("")["headers"]["Accept"]),
         WATCH(p + "?" + MINE, 1, Accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"))
    case(title + "watches that are refused", WATCH(p + "?resourceVersion=x", 1), WATCH(p + "?resourceVersion=999999999", 1, seconds=1), WATCH(p + "?labelSelector=a%3Db%3Dc", 1), WATCH(at, 1, seconds=1))


def statuses(k):
    if not k.status:
        return
    p, a, one = k.plural, k.name("a"), k.make()
    at = "%s/%s" % (p, a)
    title = p + ": "
    case(title + "status is apart", POST(p, merged(one, k.status)), GET(at + "/status"), MERGE(at + "/status", k.status), MERGE(at + "/status", merged(k.change, {"metadata": {"labels": {"by": "status"}}})), MERGE(at, {"status": None}),
         PUT(at, one), GET(at), APPLY(at + "/status", merged(one, k.status), "three"), APPLY(at + "/status", merged(one, k.status), "three", force=True), PUT(at + "/status", merged(merged(one, k.status), {"metadata": {"resourceVersion": "1"}})))
    case(title + "status that is refused", POST(p, one), MERGE(at + "/status", {"status": "x"}), MERGE(at + "/status", {"status": ["x"]}), MERGE(at + "/status", {"status": {"conditions": "none"}}), MERGE(p + "/none/status", k.status),
         DELETE(at + "/status"), POST(at + "/status", one), GET(at + "/nothing"), *([MERGE(at + "/status", {"status": {"unknown": 1}})] if p != "persistentvolumeclaims" else []), TABLED(at + "/status"))


for kind in KINDS:
    for situation in (basics, updates, applies, deletes, reads, watches, statuses):
        situation(kind)
