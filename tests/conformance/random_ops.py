"""Random requests from a seed: sequences of some dozens on a few names in a namespace of their own.

What is sent depends on the seed alone, never on an answer, so that two servers get the same; answers are
referred to as in written cases (`${STEP.…}`). A sequence is a Case, played and compared like the others.
"""
import random

from kinds import BY_PLURAL, merged
from play import APPLY, DELETE, GET, JSONP, MERGE, PARTIAL_LIST, POST, PUT, STRATEGIC, TABLED, WATCH, Case

LENGTH = 40
NAMES = ("a", "b", "c")
PLURALS = ("configmaps", "secrets", "services", "pods", "persistentvolumeclaims", "serviceaccounts", "events", "statefulsets",
           "deployments", "replicasets", "horizontalpodautoscalers", "poddisruptionbudgets", "ingresses", "networkpolicies", "leases",
           "druids", "druidingestions", "persistentvolumes", "storageclasses")
FINALIZERS = ("a.example/x", "a.example/y")


class Sequence:
    def __init__(self, seed, number):
        self.random = random.Random("%s %s" % (seed, number))
        self.kind = BY_PLURAL[self.random.choice(PLURALS)]
        self.steps, self.mistakes = [], 0
        self.wrote = {} # name → the step that last wrote it, and the one before

    def name(self): return self.random.choice(NAMES)
    def at(self, name): return "%s/%s" % (self.kind.plural, self.kind.name(name))

    def metadata(self):
        r, out = self.random, {}
        if r.random() < .6:
            out["labels"] = {key: r.choice(("1", "2", None, "3")) for key in r.sample(("x", "y", "z"), r.randint(1, 2))}
        if r.random() < .4:
            out["annotations"] = {key: r.choice(("", "1", "long text, with: things", None)) for key in r.sample(("a.example/a", "b"), 1)}
        if r.random() < .08:
            out["finalizers"] = r.choice(([], list(FINALIZERS), [FINALIZERS[0]], None))
        if r.random() < .03:
            self.mistakes += 1
            out["labels"] = r.choice(({"bad key!": "1"}, {"x": "bad value!"}, {"x": 5}, ["x"]))
        return out

    def body(self, name):
        """A whole object, now and then with a change or a mistake in it."""
        r, self.mistakes = self.random, 0
        one = merged(self.kind.make(name), {"metadata": self.metadata()})
        if r.random() < .4:
            one = merged(one, self.kind.change)
        if r.random() < .1 and self.kind.wrong:
            self.mistakes += 1
            wrong = self.kind.wrong[r.choice([key for key in self.kind.wrong if key != "too large"])]
            one = merged(one, wrong)
            one["metadata"]["name"] = self.kind.name(name)
        if r.random() < .03:
            self.mistakes += 1
            one["unknown"] = 1
        labels = one["metadata"].get("labels")
        if self.mistakes > 1 and not (isinstance(labels, dict) and all(isinstance(value, (str, type(None))) for value in labels.values())):
            one["metadata"]["labels"] = {"case": "$ns"} # of several values of a wrong type the first in the text is told
        return {key: value for key, value in one.items()} if r.random() < .97 else {**one, "kind": "Other"}

    def patch(self):
        r = self.random
        out = {"metadata": self.metadata()} if r.random() < .7 else {}
        choices = [self.kind.change, *self.kind.fixed.values(), *[v for k, v in self.kind.wrong.items() if k != "too large"]]
        if r.random() < .5:
            out = merged(out, self.kind.change if r.random() < .7 else r.choice(choices))
            if "metadata" in out:
                out["metadata"].pop("name", None)
        return out

    def revision(self, name):
        r, wrote = self.random.random(), self.wrote.get(name)
        if wrote is None or r < .5:
            return {}
        return {"metadata": {"resourceVersion": "${%d.metadata.resourceVersion}" % wrote[r < .9]}}

    def query(self):
        return self.random.choice(("",) * 8 + ("dryRun=All", "fieldValidation=Strict", "fieldValidation=Warn", "fieldManager=other"))

    def with_query(self, path):
        query = self.query()
        return path + ("?" + query if query else "")

    def create(self, name): return POST(self.with_query(self.kind.plural), self.body(name))
    def update(self, name): return PUT(self.with_query(self.at(name)), merged(self.body(name), self.revision(name)))
    def merge(self, name): return MERGE(self.with_query(self.at(name)), merged(self.patch(), self.revision(name)))
    def strategic(self, name): return STRATEGIC(self.with_query(self.at(name)), self.patch())
    def read(self, name): return self.random.choice((GET, TABLED))(self.at(name))

    def apply(self, name):
        body = self.body(name)
        # An empty map, which is left of nulls, counts as a change whenever the clock has gone on by a second.
        body["metadata"] = {key: value for key, value in body["metadata"].items() if value not in (None, {})}
        if self.mistakes > 1: # the real server tells them in the order of a Go map, and sometimes not all
            body = self.kind.make(name)
        return APPLY(self.at(name), body, self.random.choice(("one", "two", "three")), self.random.random() < .4)

    def json_patch(self, name):
        r = self.random
        ops = [{"op": r.choice(("add", "replace", "remove", "test")), "path": "/metadata/" + r.choice(("labels/x", "labels/y", "annotations/b", "labels", "finalizers/0")),
                "value": r.choice(("1", "2"))} for _ in range(r.randint(1, 3))]
        return JSONP(self.at(name), *ops)

    def status(self, name):
        if not self.kind.status:
            return self.merge(name)
        form = self.random.choice((MERGE, STRATEGIC)) if not self.kind.custom else MERGE
        return form(self.at(name) + "/status", merged(self.kind.status, self.revision(name)))

    def scale(self, name):
        if self.kind.plural not in ("statefulsets", "deployments", "replicasets"):
            return self.read(name)
        if self.random.random() < .3:
            return GET(self.at(name) + "/scale")
        return MERGE(self.at(name) + "/scale", {"spec": {"replicas": self.random.choice((0, 10 + len(self.steps), -1))}})

    def remove(self, name):
        r, body = self.random, {}
        if r.random() < .3:
            body["propagationPolicy"] = r.choice(("Orphan", "Foreground", "Background", "Background", "Wrong"))
        wrote = self.wrote.get(name, (0, 0))[1]
        if r.random() < .3 and wrote:
            body["preconditions"] = {r.choice(("uid", "resourceVersion")): "x"}
            key = next(iter(body["preconditions"]))
            body["preconditions"][key] = "${%d.metadata.%s}" % (wrote, key)
        return DELETE(self.with_query(self.at(name)) if r.random() < .1 else self.at(name), body or None)

    def list(self, name):
        r, mine = self.random, "labelSelector=case%3D$ns"
        selector = r.choice(("", ",x", ",!x", ",x+in+(1,2)", ",x!%3D1", ",y%3D2"))
        # Objects without a namespace stand among those of other sequences, which count for a page.
        pages = ("&limit=1", "&limit=2") if self.kind.namespaced else ("", "")
        extra = r.choice(("", "", *pages, "&fieldSelector=metadata.name%3D" + self.kind.name(name)))
        headers = r.choice(({}, {}, {"Accept": PARTIAL_LIST}))
        return GET(self.kind.plural + "?" + mine + selector + extra, **headers)

    def watch(self, _name):
        first = min((one for _, one in self.wrote.values()), default=None)
        if first is None or self.random.random() < .5:
            return self.list(_name)
        return WATCH(self.kind.plural + "?labelSelector=case%3D$ns&resourceVersion=${" + "%d.metadata.resourceVersion}" % first, 99, seconds=2)

    def case(self, title):
        choices = ([self.create] * 6 + [self.update] * 5 + [self.merge] * 5 + [self.strategic] * 2 + [self.apply] * 7 + [self.json_patch] * 2 + [self.status] * 3
                   + [self.scale] + [self.remove] * 4 + [self.read] * 2 + [self.list] * 2 + [self.watch])
        for _ in range(LENGTH):
            name = self.name()
            choice = self.random.choice(choices)
            self.steps.append(choice(name))
            dry = "dryRun" in self.steps[-1]["path"] # what is answered then has no revision, or an empty one
            if not dry and choice in (self.create, self.update, self.merge, self.apply, self.strategic, self.status):
                self.wrote[name] = (self.wrote.get(name, (len(self.steps),) * 2)[1], len(self.steps))
        return Case(title, self.steps)


def cases(seed, count):
    return [Sequence(seed, number).case("random %s, sequence %d" % (seed, number)) for number in range((count + LENGTH - 1) // LENGTH)]
