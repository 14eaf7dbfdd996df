"""What differs between two servers without being a difference: all of it, and nothing else, is here.

Of answers (class Mask, headers, events) a mask replaces a value only when it has the form that it must have, and
keeps what is equal to what: the first resourceVersion in a case becomes rv-1, a second one rv-2, wherever they
are told, so that a write that should not have changed anything is seen. A value of another form stays as it is
and shows as a difference.

Of traces (class Reader and what is behind it), which the watches of a namespace write (tests/sandbox/driver/trace.h),
it is told what can be compared. A situation is its steps; a step is its beats: what happens without a pause. Nodes
take half a second at least for anything, and controllers some milliseconds, so that a beat is what follows from one
cause. Beats and their order are compared as they are; what is hidden inside of one, the list at the end tells.

That list, `plants`, names every mask, says what it hides, and plants two differences for each: one that it hides,
and one beside it that turns the suite red. `selftest.py` plays them.
"""
import datetime
import json
import re

# Answers
UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
TIME_IN_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z")
AGE = re.compile(r"\d{1,2}s")
SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"
VOLUME = re.compile(r"\bkube-api-access-" + SUFFIX + r"\b")
ADDRESS = re.compile(r"10\.\d{1,3}\.\d{1,3}\.\d{1,3}")
REVISION = re.compile(r"[1-9]\d*")
REVISION_IN_TEXT = re.compile(r"(?i)(resource ?version[^\d]{0,40})([1-9]\d*)(?!\w)") # and no other number: RFC 1123
SCHEME = re.compile(r'in scheme "[^"]+"')
CHANGE = re.compile(r"\n@@ .*?\n(?=, [a-z]|\]|$)", re.DOTALL)
QUOTED = re.compile(r'Invalid value: ("\{.*\}")')
NEAR_S = 180


HEADERS = ("Content-Type", "Cache-Control", "Retry-After", "Allow") # and all of Warning; others tell of the connection


def headers(all_of_them):
    out = {name: all_of_them[name] for name in HEADERS if all_of_them.get(name)}
    warnings = all_of_them.get_all("Warning")
    return {**out, "Warning": warnings} if warnings else out


def events(stream):
    """Bookmarks of a watch come when they come; only the one behind what was there is part of a protocol."""
    def is_tick(event):
        metadata = (event.get("object") or {}).get("metadata") or {}
        return event.get("type") == "BOOKMARK" and "annotations" not in metadata
    return [event for event in stream if not is_tick(event)]


class Mask:
    """The masks of one case: `sent` is the text of all that it sends, which is never masked."""

    def __init__(self, sent, namespace, now):
        self.sent, self.namespace, self.now = sent, namespace, now
        self.uids, self.revisions, self.names, self.addresses, self.ports = {}, {}, {}, {}, {}
        self.highest = 0

    def _symbol(self, table, value, name):
        return table.setdefault(value, "%s-%d" % (name, len(table) + 1))

    def _time(self, value):
        if not TIME.fullmatch(value) and not MICRO_TIME.fullmatch(value):
            return value
        stamp = datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
        if abs(stamp - self.now) > NEAR_S:
            return value
        return "time" if TIME.fullmatch(value) else "time.micro"

    def _text(self, value):
        value = value.replace(self.namespace, "$ns")
        value = CHANGE.sub("", value)
        value = SCHEME.sub('in scheme "place"', value)
        value = QUOTED.sub(lambda m: "Invalid value: " + self._sorted(m[1]), value)
        value = UID.sub(lambda m: m[0] if m[0] in self.sent else self._symbol(self.uids, m[0], "uid"), value)
        value = TIME_IN_TEXT.sub(lambda m: self._time(m[0]), value)
        value = VOLUME.sub("kube-api-access-?????", value)
        for name, symbol in self.names.items():
            if name in value:
                value = re.sub(r"(?<![a-z0-9])" + re.escape(name) + r"(?![a-z0-9])", symbol, value)
        return value

    @staticmethod
    def _sorted(quoted):
        """An object that a refusal quotes: the order of its members is no part of the answer."""
        try:
            value = json.loads(json.loads(quoted))
        except ValueError:
            return quoted
        Mask._managers(value.get("metadata"))
        return json.dumps(json.dumps(value, sort_keys=True))

    @staticmethod
    def _managers(metadata):
        """Who manages what is sorted by time, which may pass a second or not."""
        entries = metadata.get("managedFields") if isinstance(metadata, dict) else None
        if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
            entries.sort(key=lambda e: [str(e.get(k)) for k in ("operation", "manager", "apiVersion", "subresource")])

    def _message(self, value):
        """Also the revisions that a message names: those of objects, and those of the whole store."""
        value = self._text(value)
        value = re.sub(r"(?<=current: )\d+$", "store-rv", value)
        value = re.sub(r"(?<=too old resource version: )(\d+) \(\d+\)$", r"\1 (store-rv)", value)
        value = ADDRESS.sub(lambda m: self.addresses.get(m[0], m[0]), value)
        return REVISION_IN_TEXT.sub(lambda m: m[1] + self.revisions.get(m[2], m[2]), value)

    def _generated(self, metadata):
        start, name = metadata.get("generateName"), metadata.get("name")
        if start and name and re.fullmatch(re.escape(start) + SUFFIX, name) and name not in self.sent:
            self._symbol(self.names, name.replace(self.namespace, "$ns"), "generated")

    def _revision(self, metadata, is_list, items):
        value = metadata.get("resourceVersion")
        if not isinstance(value, str) or not REVISION.fullmatch(value) or '"%s"' % value in self.sent:
            return
        if not is_list:
            self.highest = max(self.highest, int(value))
            metadata["resourceVersion"] = self._symbol(self.revisions, value, "rv")
        elif int(value) >= max([self.highest] + items):
            metadata["resourceVersion"] = "store-rv"
        else: # a list of the past, or a table of one object
            metadata["resourceVersion"] = self.revisions.get(value, value)

    @staticmethod
    def _inner_revisions(value):
        out = []
        for item in value.get("items") or [row.get("object") or {} for row in value.get("rows") or []]:
            text = (item.get("metadata") or {}).get("resourceVersion") if isinstance(item, dict) else None
            if isinstance(text, str) and text.isdigit():
                out.append(int(text))
        return out

    def _metadata(self, value):
        metadata = value.get("metadata")
        if not isinstance(metadata, dict):
            return
        kind = str(value.get("kind", ""))
        bookmark = "k8s.io/initial-events-end" in (metadata.get("annotations") or {})
        is_list = "items" in value or kind.endswith("List") or kind == "Table"
        self._managers(metadata)
        self._generated(metadata)
        self._revision(metadata, is_list or bookmark, self._inner_revisions(value))
        if is_list and metadata.get("continue") and len(str(metadata["continue"])) > 20:
            metadata["continue"] = "token"

    @staticmethod
    def _repeats(value):
        """Some parts of the real server judge the same thing two, three or four times over."""
        details = value.get("details")
        if isinstance(details, dict) and isinstance(details.get("causes"), list):
            causes = details["causes"]
            details["causes"] = [cause for i, cause in enumerate(causes) if cause not in causes[:i]]

    @staticmethod
    def _conflicts(value):
        """Conflicts are told manager by manager, in the order of a Go map, which is another one each time; that
        of the fields of one manager is part of the answer."""
        causes = (value.get("details") or {}).get("causes") if isinstance(value.get("details"), dict) else None
        if isinstance(causes, list) and all(isinstance(one, dict) and one.get("reason") == "FieldManagerConflict" for one in causes):
            causes.sort(key=lambda one: str(one.get("message")))

    def _ages(self, value):
        columns = value.get("columnDefinitions")
        if columns:
            for column in columns: # prose, which the sandbox leaves empty
                column["description"] = "description"
            self.age_columns = [i for i, c in enumerate(columns) if c.get("name") in ("Age", "Last Seen", "First Seen")]
        for row in value.get("rows") or []:
            cells = row.get("cells") or []
            for i in getattr(self, "age_columns", []):
                if i < len(cells) and isinstance(cells[i], str) and AGE.fullmatch(cells[i]):
                    cells[i] = "age"

    def _leaf(self, key, value):
        if isinstance(value, str):
            if key in ("clusterIP", "clusterIPs") and ADDRESS.fullmatch(value) and value not in self.sent:
                return self._symbol(self.addresses, value, "address")
            if key in ("cells",) and value in self.addresses:
                return self.addresses[value]
            return self._message(value) if key in ("message", "reason-text") else self._text(value)
        if key in ("nodePort", "healthCheckNodePort") and isinstance(value, int):
            if 30000 <= value <= 32767 and str(value) not in self.sent:
                return self._symbol(self.ports, value, "port")
        return value

    def apply(self, value, key=None):
        """The masked value; what it is given may be changed."""
        if isinstance(value, dict):
            self._metadata(value)
            self._repeats(value)
            self._conflicts(value)
            if value.get("kind") == "Table":
                self._ages(value)
            return {self._text(k): self.apply(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.apply(v, key) for v in value]
        return self._leaf(key, value)


# Traces

CREATED = re.compile(r'True NewReplicaSetCreated Created new replica set "(.*)"')
GAP_MS = 250 # in virtual time
GAP_REAL_MS = 700 # on a real control plane, whose machine may be busy and whose pods are slower …
GAPS_REAL_MS = (700, 600, 500, 400, 300, 850, 1000) # … so that what it does is held against a recording at each of these


def conditions(status):
    out = {one["type"]: "%s %s %s" % (one["status"], one.get("reason"), one.get("message"))
           for one in status.get("conditions") or []}
    made = CREATED.fullmatch(out.get("Progressing", ""))
    if made:
        out["Progressing"] = 'True ReplicaSetUpdated ReplicaSet "%s" is progressing.' % made[1]
    return out


def flat(value, path=""):
    if isinstance(value, dict):
        out = {}
        for key, inner in value.items():
            out.update(flat(inner, "%s.%s" % (path, key) if path else key))
        return out
    if value in (None, "", [], False): # left out or zero: readers see the same
        return {}
    return {path: value}


class Reader:
    """The objects of one situation as they are at the moment."""

    def __init__(self):
        self.names = {} # of ReplicaSets and volumes → as they are told
        self.count = {}

    def hidden(self, text):
        for name, told in sorted(self.names.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(name, told)
        return text

    def name(self, one):
        kind, metadata = one["kind"], one["metadata"]
        name = metadata["name"]
        owner = next((o for o in metadata.get("ownerReferences") or [] if o.get("controller")), {})
        if kind == "ReplicaSet" and name not in self.names and owner.get("kind") == "Deployment":
            self.count[owner["name"]] = self.count.get(owner["name"], 0) + 1
            self.names[name] = "%s-<%d>" % (owner["name"], self.count[owner["name"]])
            self.names[metadata["labels"]["pod-template-hash"]] = "<%d>" % self.count[owner["name"]]
        if kind == "PersistentVolume":
            return "PersistentVolume of %s" % (one["spec"].get("claimRef") or {}).get("name")
        if kind == "Pod" and owner.get("kind") == "ReplicaSet":
            return "Pod %s*" % self.hidden(metadata["generateName"])
        return "%s %s" % (kind, self.hidden(name))

    def state(self, one):
        kind, metadata, spec, status = one["kind"], one["metadata"], one.get("spec") or {}, one.get("status") or {}
        out = {
            "deleted": "deletionTimestamp" in metadata,
            "finalizers": " ".join(sorted(metadata.get("finalizers") or [])),
            "owners": " ".join(sorted("%s/%s%s%s" % (o["kind"], o["name"], "!" if o.get("controller") else "", "+" if o.get("blockOwnerDeletion") else "")
                                      for o in metadata.get("ownerReferences") or [])),
        }
        if kind == "Pod":
            out.update(phase=status.get("phase"), scheduled=bool(spec.get("nodeName")), labels=metadata.get("labels"),
                       ready=any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or []),
                       image=spec["containers"][0]["image"], hostname=spec.get("hostname"), subdomain=spec.get("subdomain"),
                       claims=" ".join(v["name"] + ":" + v["persistentVolumeClaim"]["claimName"] for v in spec.get("volumes") or [] if v.get("persistentVolumeClaim")))
        elif kind == "StatefulSet":
            out.update(generation=metadata.get("generation"), replicas=spec.get("replicas"), status={**status, "conditions": conditions(status)})
        elif kind == "ControllerRevision":
            out.update(revision=one["revision"], labels=metadata.get("labels"), image=one["data"]["spec"]["template"]["spec"]["containers"][0]["image"])
        elif kind in ("Deployment", "ReplicaSet"):
            out.update(replicas=spec.get("replicas"), labels=metadata.get("labels"), selector=spec.get("selector"),
                       annotations=metadata.get("annotations"), status={**status, "conditions": conditions(status)})
            if kind == "Deployment":
                out.update(generation=metadata.get("generation"))
            else: # its Deployment scales it in one step or several, as its pods happen to be seen
                out["status"]["observedGeneration"] = status.get("observedGeneration") == metadata.get("generation")
        elif kind == "PersistentVolumeClaim":
            out.update(labels=metadata.get("labels"), phase=status.get("phase"), asked=spec["resources"]["requests"]["storage"],
                       capacity=(status.get("capacity") or {}).get("storage"), volume=bool(spec.get("volumeName")), conditions=conditions(status),
                       allocated=status.get("allocatedResources"), resizing=status.get("allocatedResourceStatuses"))
        elif kind == "PersistentVolume":
            out.update(phase=status.get("phase"), capacity=spec["capacity"]["storage"], policy=spec.get("persistentVolumeReclaimPolicy"))
        return {key: self.hidden(str(value)) for key, value in flat(out).items()}


def order(events):
    """What of these writes waits for another: the claim of a pod, its revision, owners that go last."""
    began, out = {}, set()
    for place, (_, kind, one) in enumerate(events):
        metadata = one["metadata"]
        if kind != "GONE" and metadata["uid"] not in began:
            began[metadata["uid"]] = place
    new = {(one["kind"], one["metadata"]["name"]): place for place, (_, kind, one) in reversed(list(enumerate(events))) if kind == "NEW"}
    gone = {one["metadata"]["uid"]: (place, one) for place, (_, kind, one) in enumerate(events) if kind == "GONE"}
    for place, (_, kind, one) in enumerate(events):
        metadata = one["metadata"]
        if kind == "NEW" and one["kind"] == "Pod":
            needs = [("PersistentVolumeClaim", v["persistentVolumeClaim"]["claimName"]) for v in one["spec"].get("volumes") or [] if v.get("persistentVolumeClaim")]
            needs.append(("ControllerRevision", (metadata.get("labels") or {}).get("controller-revision-hash")))
            out |= {"%s %s %s pod %s" % (*need, "before" if new[need] < place else "behind", metadata["name"]) for need in needs if need in new}
        if kind == "GONE":
            for owner in metadata.get("ownerReferences") or []:
                last = gone.get(owner["uid"])
                if last and "foregroundDeletion" in (last[1]["metadata"].get("finalizers") or []) and owner.get("blockOwnerDeletion"):
                    out.add("%s of %s %s its owner" % (one["kind"], owner["name"], "before" if place < last[0] else "behind"))
    return sorted(out)


def beats_of(events, gap_ms):
    out, last = [], None
    for event in events:
        if last is None or event[0] - last > gap_ms:
            out.append([])
        out[-1].append(event)
        last = event[0]
    return out


def told(reader, known, events):
    """The lines of a beat; known: uid → (name, state), and is brought up to date."""
    before, lines = dict(known), {}
    for _, kind, one in events:
        uid = one["metadata"]["uid"]
        if kind == "GONE":
            known[uid] = None
        else:
            known[uid] = (reader.name(one), reader.state(one))
    for uid in dict.fromkeys(one["metadata"]["uid"] for _, _, one in events):
        was, now = before.get(uid), known.get(uid)
        if now is None:
            del known[uid]
            if was is None: # came and went at once
                continue
            line = "%s is gone" % was[0]
        else:
            old = was[1] if was else {}
            changes = ["%s=%s" % (key, now[1].get(key, "-")) for key in sorted(set(old) | set(now[1])) if old.get(key) != now[1].get(key)]
            if was and not changes:
                continue
            line = "%s%s %s" % (now[0], ":" if was else " is new:", ", ".join(changes))
        lines[line] = lines.get(line, 0) + 1
    return sorted(("%d times " % count if count > 1 else "") + line for line, count in lines.items())


def of_namespace(one, namespace):
    if one["kind"] == "PersistentVolume":
        return (one["spec"].get("claimRef") or {}).get("namespace") == namespace
    return one["metadata"]["name"] != "kube-root-ca.crt"


def earliest(events):
    """Each as early as it may have been: one that a slow watch told late was before all of later revisions."""
    out, at = [], None
    for told, kind, one in reversed(events):
        at = told if at is None else min(at, told)
        out.append((at, kind, one))
    return out[::-1]


def reduced(steps, gap_ms):
    reader, known, seen, going, out = Reader(), {}, set(), set(), []
    for name, events in steps:
        events.sort(key=lambda event: int(event[2]["metadata"]["resourceVersion"]))
        events = earliest(events)
        marked = []
        for at, kind, one in events:
            if one["metadata"].get("deletionTimestamp"):
                going.add(one["metadata"]["uid"])
            owners = {owner["uid"] for owner in one["metadata"].get("ownerReferences") or []}
            if one["kind"] == "ControllerRevision" and owners & going:
                continue
            uid = one["metadata"]["uid"]
            marked.append((at, "NEW" if kind == "SET" and uid not in seen else kind, one))
            seen.add(uid)
        beats = []
        for beat in beats_of(marked, gap_ms):
            lines = told(reader, known, beat) + ["order: " + reader.hidden(line) for line in order(beat)]
            if lines:
                beats.append(lines)
        out.append([name, *beats])
    return out


def parted(steps, gaps, wanted=None):
    """The beats, by the first pause that shows those that are wanted, or else the first of all."""
    all_of = [reduced(steps, gap_ms) for gap_ms in gaps]
    return wanted if wanted in all_of else all_of[0]


# The list


def plants(s):
    """{mask: (what it hides, two that are the same by it, two beside it that are not)}; `s` makes them (selftest.py)."""
    def to(old, new):
        return lambda text: text.replace(old, new)

    def of(place, *field):
        return (place, *(field or ("message",)))

    def fields(*names):
        return [of(place, "metadata", name) if name != "clusterIP" else of(place, "spec", name) for place in (0, 1) for name in names]
    uid, address, name = to(s.UID, s.OTHER), to("10.0.0.7", "10.96.0.9"), to("web-x2b4c", "web-zzzzz")
    row = of(2, "rows", 0)
    each_uid = [change for place in fields("uid") for change in (place, s.OTHER)]
    each_address = [change for place in fields("clusterIP") for change in (place, "10.96.0.9")]
    each_name = [change for place in (*fields("name"), (*row, "cells", 0)) for change in (place, "web-zzzzz")]
    each_revision = [change for place in (*fields("resourceVersion"), (*row, "object", "metadata", "resourceVersion"), of(7, "metadata", "resourceVersion")) for change in (place, "11")]
    uids = s.answers(*each_uid, of(8), uid)
    revisions = s.answers(*each_revision, of(8), to("version 10", "version 11"))
    addresses = s.answers(*each_address, of(8), address)
    names = s.answers(*each_name, of(8), name)
    a, b, claim, user, going = s.A, s.B, s.CLAIM, s.USER, s.GOING
    runs, set_of, rolled = s.changed(a, status__phase="Running"), s.replica_set, s.deployment
    return {
        # Of answers
        "uid": ("which uid it is", uids, s.answers(of(1, "metadata", "uid"), s.OTHER)),
        "uid in text": ("the same in messages", uids, s.answers(of(8), uid)),
        "resourceVersion": ("which revision it is", revisions, s.answers(of(1, "metadata", "resourceVersion"), "11")),
        "revision in text": ("the same in messages, behind the words that say so", revisions, s.answers(*each_revision, of(8), lambda text: text.replace("version 10", "version 11").replace("RFC 10", "RFC 11"))),
        "revision of the store in text": ("how far the store is, which others write to", s.answers(of(9), to("current: 12", "current: 15"), of(10), to("(12)", "(15)")), s.answers(of(9), to("99", "98"))),
        "list": ("the same of lists, when it is behind all that is in them", s.answers(of(2, "metadata", "resourceVersion"), "99"), s.answers(of(2, "metadata", "resourceVersion"), "9")),
        "time": ("when, within some minutes of now", s.answers(of(0, "metadata", "creationTimestamp"), "2023-11-14T22:13:25Z"), s.answers(of(0, "metadata", "creationTimestamp"), "2023-11-14T22:13:25.000000Z")),
        "microseconds": ("the same where they are told", s.answers(of(7, "spec", "renewTime"), "2023-11-14T22:13:25.123456Z"), s.answers(of(7, "spec", "renewTime"), "2020-01-02T03:04:05.000006Z")),
        "time in text": ("the same in messages", s.answers(of(8), to(":20Z", ":25Z")), s.answers(of(8), to("2023", "2020"))),
        "age": ("seconds in tables", s.answers((*row, "cells", 1), "7s"), s.answers((*row, "cells", 1), "<unknown>")),
        "namespace": ("which namespace the case has", s.in_namespaces("c-2", "c-2"), s.in_namespaces("c-2", "c-1")),
        "name": ("names that the server made", names, s.answers(of(0, "metadata", "name"), "web-toolong")),
        "name in text": ("the same in messages", names, s.answers(of(8), name)),
        "volume": ("and those of a pod's token", s.answers(of(0, "spec", "volumes", 0, "name"), "kube-api-access-xxxxx"), s.answers(of(0, "spec", "volumes", 0, "name"), "kube-api-access-1")),
        "address": ("addresses that the server chose", addresses, s.answers(of(0, "spec", "clusterIP"), "None")),
        "address in text": ("the same in messages", addresses, s.answers(of(8), to("10.0.0.7", "10.0.0.8"))),
        "port": ("and ports", s.answers(of(0, "spec", "ports", 0, "nodePort"), 30999, of(1, "spec", "ports", 0, "nodePort"), 30999), s.answers(of(0, "spec", "ports", 0, "nodePort"), 123)),
        "token": ("what a page goes on with", s.answers(of(5, "metadata", "continue"), "another token that is quite long"), s.answers(of(5, "metadata", "continue"), "")),
        "managers": ("the order of managers, which seconds make", s.answers(of(0, "metadata", "managedFields"), lambda all_of: all_of[::-1]), s.answers(of(0, "metadata", "managedFields"), lambda all_of: all_of[:1])),
        "managers in quotes": ("the same in an object that is quoted", s.answers(of(11), lambda text: text.replace('\\"a', '\\"?').replace('\\"b', '\\"a').replace('\\"?', '\\"b')), s.answers(of(11), to('\\"b', '\\"c'))),
        "order": ("that of members in an object that is quoted", s.answers(of(3), to('{\\"a\\":1,\\"b\\":2}', '{\\"b\\":2,\\"a\\":1}')), s.answers(of(3), to('\\"b\\":2', '\\"b\\":3'))),
        "conflicts": ("that of managers among conflicts", s.answers(of(6, "details", "causes"), lambda all_of: all_of[2:] + all_of[:2]), s.answers(of(6, "details", "causes"), lambda all_of: [all_of[1], all_of[0], all_of[2]])),
        "repeats": ("how often a cause is told", s.answers(of(3, "details", "causes"), [{"field": "spec"}]), s.answers(of(3, "details", "causes"), [])),
        "scheme": ("where in the real server's source it happened", s.answers(of(3), to("a/b.go:1", "c.go:9")), s.answers(of(3), to('kind "X"', 'kind "Y"'))),
        "change": ("a diff of what cannot change", s.answers(of(3), to("\n@@ -1 +1 @@\n-a\n+b\n", "")), s.answers(of(3), to("fixed", "free"))),
        "description": ("prose about columns", s.answers(of(2, "columnDefinitions", 0, "description"), ""), s.answers(of(2, "columnDefinitions", 0, "name"), "Nome")),
        "ticks": ("bookmarks that only tell of time", s.streams([s.bookmark({"resourceVersion": "5"})]), s.streams([s.bookmark({"annotations": {"k8s.io/initial-events-end": "true"}})])),
        "headers": ("those that tell of the connection", s.header_sets({"Date": "a", "Audit-Id": "b"}, {"Date": "c"}), s.header_sets({"Retry-After": "1"}, {})),
        # Of traces
        "what is not told of an object": ("uids, times, managers, addresses: all that `state` leaves out", s.traces([(0, a)], [(0, s.changed(a, metadata__uid="other", metadata__creationTimestamp="t", metadata__managedFields=[{}], status__podIP="10.9.9.9"))]),
                                          s.traces([(0, a)], [(0, runs)])),
        "conditions of pods": ("but Ready", s.traces([(0, a)], [(0, s.changed(a, status__conditions=[{"type": "PodScheduled", "status": "True"}]))]), s.traces([(0, a)], [(0, s.changed(a, status__conditions=[s.READY]))])),
        "times of conditions": ("when they were written, and when they turned", s.traces([(0, rolled("R", "m", "a"))], [(0, rolled("R", "m", "b"))]), s.traces([(0, rolled("R", "m"))], [(0, rolled("S", "m"))])),
        "zeros": ("what is left out or zero: readers see the same", s.traces([(0, s.changed(set_of(), status__readyReplicas=0))], [(0, s.changed(set_of(), status__labels=[]))]), s.traces([(0, s.changed(set_of(), status__readyReplicas=1))], [(0, set_of())])),
        "order of finalizers and owners": ("as they were added", s.traces([(0, s.held("x", "y"))], [(0, s.held("y", "x"))]), s.traces([(0, s.held("x", "y"))], [(0, s.held("x"))])),
        "order of watches": ("one for each kind, and one may be late; revisions tell what was first", s.traces([(0, claim), (1, s.later(user, 2))], [(0, s.later(user, 2)), (1, claim)]), s.traces([(0, a), (900, s.later(b, 2))], [(0, b), (900, s.later(a, 2))])),
        "a late watch": ("what it tells was before all of later revisions", s.traces([(0, a), (900, s.later(claim, 2)), (10, s.later(b, 3))], [(0, a), (5, s.later(claim, 2)), (10, s.later(b, 3))]),
                         s.traces([(0, a), (900, s.later(claim, 2)), (910, s.later(b, 3))], [(0, a), (5, s.later(claim, 2)), (10, s.later(b, 3))])),
        "writes in a beat": ("how many: a status is written once or twice, as caches happen to be", s.traces([(0, a), (10, runs)], [(0, runs)]), s.traces([(0, a), (900, runs)], [(0, runs)])),
        "the pause between beats": ("how long it is on a busy machine; what is on either side is compared", s.busy([(0, a), (450, s.later(b, 2))], [(0, a), (900, s.later(b, 2))]),
                                    s.busy([(0, a), (20, s.later(b, 2))], [(0, a), (900, s.later(b, 2))])),
        "order in a beat": ("of writes from controllers and workers side by side; where one waits for another it is told", s.traces([(0, a), (1, s.later(b, 2))], [(0, b), (1, s.later(a, 2))]),
                            s.traces([(0, claim), (1, s.later(user, 2))], [(0, user), (1, s.later(claim, 2))])),
        "came and went in a beat": ("what nobody has seen", s.traces([(0, a), (1, s.later(b, 2)), (2, s.later(b, 3), "GONE")], [(0, a)]), s.traces([(0, a), (1, s.later(b, 2)), (900, s.later(b, 3), "GONE")], [(0, a)])),
        "random names": ("Pods of a ReplicaSet are alike: how many begin, change, go", s.traces([(0, s.of_set("x")), (1, s.later(s.of_set("y"), 2))], [(0, s.of_set("v")), (1, s.later(s.of_set("w"), 2))]),
                         s.traces([(0, s.of_set("x")), (1, s.later(s.of_set("y"), 2))], [(0, s.of_set("x"))])),
        "names from digests": ("ReplicaSets are numbered", s.traces([(0, set_of("abc"))], [(0, set_of("xyz"))]), s.traces([(0, set_of("abc"))], [(0, set_of("abc")), (1, s.later(set_of("xyz"), 2))])),
        "names of volumes": ("they are called after their claims", s.traces([(0, s.volume("pvc-1", "c"))], [(0, s.volume("pvc-2", "c"))]), s.traces([(0, s.volume("pvc-1", "c"))], [(0, s.volume("pvc-1", "d"))])),
        "generation of ReplicaSets": ("in how many steps one is scaled, as its pods happen to be seen; whether it was observed is told", s.traces([(0, set_of(generation=3, observed=3))], [(0, set_of(generation=2, observed=2))]),
                                      s.traces([(0, set_of(generation=3, observed=3))], [(0, set_of(generation=3, observed=2))])),
        "made, and gets on": ("told in one condition right after the other, now and then only the first", s.traces([(0, rolled("NewReplicaSetCreated", 'Created new replica set "r"'))], [(0, rolled("ReplicaSetUpdated", 'ReplicaSet "r" is progressing.'))]),
                              s.traces([(0, rolled("NewReplicaSetCreated", 'Created new replica set "r"'))], [(0, rolled("ReplicaSetUpdated", 'ReplicaSet "s" is progressing.'))])),
        "revisions of a set that goes": ("it makes its revision anew as often as the collector deletes it", s.traces([(0, going), (1, s.later(s.revision(going["metadata"]["uid"]), 2))], [(0, going)]),
                                         s.traces([(0, going), (1, s.later(s.revision("other"), 2))], [(0, going)])),
        "objects of others": ("of Kubernetes itself, and volumes of other namespaces", s.seen(s.made("ConfigMap", "kube-root-ca.crt"), s.volume("v", "c", "m")), s.seen(s.made("ConfigMap", "other"), s.volume("v", "c", "m"))),
    }
