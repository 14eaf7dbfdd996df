"""From what the watches of a namespace told (tests/sandbox/driver/trace.h) to what can be compared.

A situation is its steps; a step is its beats: what happens without a pause of GAP_MS. Nodes take half a second
at least for anything, and controllers some milliseconds, so that a beat is what follows from one cause.
Beats and their order are compared as they are. Inside of one:

- an object that is written several times has changed once, from how it was before the beat to how it is behind
  it: the real controllers write a status once or twice, as their caches happen to be;
- objects are in the order of their names, and not of their writes, which come from controllers and workers
  side by side; where one write waits for another it stands in `order`;
- Pods whose names are random (of a ReplicaSet) are alike: how many begin, change, go.

A StatefulSet that waits for its dependents makes its revision anew as often as the collector deletes it; what
becomes of revisions from then on is left out. That a Deployment has made a set and that it gets on is told in
the same condition one right after the other, now and then only the first: they are the same here. In how many
steps it scales a set depends on how many pods it sees at once: of the generation of ReplicaSets it is told only
whether it was observed.

Not in a trace: times, uids, revisions, the random parts of names, addresses, conditions of Pods but Ready,
Events, and who manages which field.
"""
import json
import re

CREATED = re.compile(r'True NewReplicaSetCreated Created new replica set "(.*)"')
GAP_MS = 250 # in virtual time
GAP_REAL_MS = 700 # on a real control plane, whose machine may be busy and whose pods are slower


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


def situations(path, namespace, gap_ms=GAP_MS):
    """{name: [[step, beat, …], …]}, a beat being its lines."""
    out, name, steps = {}, None, []
    with open(path) as file:
        for text in file:
            line = json.loads(text)
            mark = line.get("mark", "").replace("%20", " ")
            if mark.startswith("situation "):
                name, steps = mark[len("situation "):], []
            elif mark == "end" and name:
                out[name], name = reduced(steps, gap_ms), None
            elif mark and name:
                steps.append((mark, []))
            elif "object" in line and name and steps and of_namespace(line["object"], namespace):
                steps[-1][1].append((line["at_ms"], line["type"], line["object"]))
    return out


def of_namespace(one, namespace):
    if one["kind"] == "PersistentVolume":
        return (one["spec"].get("claimRef") or {}).get("namespace") == namespace
    return one["metadata"]["name"] != "kube-root-ca.crt"


def reduced(steps, gap_ms):
    reader, known, seen, going, out = Reader(), {}, set(), set(), []
    for name, events in steps:
        events.sort(key=lambda event: int(event[2]["metadata"]["resourceVersion"]))
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
