"""What differs between two servers without being a difference: all of it, and nothing else, is here.

A mask replaces a value only when it has the form that it must have, and keeps what is equal to what: the
first resourceVersion in a case becomes rv-1, a second one rv-2, wherever they are told, so that a write
that should not have changed anything is seen. A value of another form stays as it is and shows as a
difference. `selftest.py` plants one for each mask in MASKS.
"""
import datetime
import json
import re

MASKS = ("uid", "resourceVersion", "list", "time", "name", "address", "port", "token", "age", "volume", "scheme", "order", "description", "change", "managers", "bookmark", "repeats", "conflicts",
         "namespace", "microseconds", "uid in text", "time in text", "revision in text", "revision of the store in text", "address in text", "name in text",
         "managers in quotes", "headers", "ticks")

UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
TIME_IN_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z")
AGE = re.compile(r"\d{1,2}s")
SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"
VOLUME = re.compile(r"\bkube-api-access-" + SUFFIX + r"\b")
ADDRESS = re.compile(r"10\.\d{1,3}\.\d{1,3}\.\d{1,3}")
REVISION_IN_TEXT = re.compile(r"(?<![\w./-])[1-9]\d*(?![\w.:/-])")
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
        return REVISION_IN_TEXT.sub(lambda m: self.revisions.get(m[0], m[0]), value)

    def _generated(self, metadata):
        start, name = metadata.get("generateName"), metadata.get("name")
        if start and name and re.fullmatch(re.escape(start) + SUFFIX, name) and name not in self.sent:
            self._symbol(self.names, name.replace(self.namespace, "$ns"), "generated")

    def _revision(self, metadata, is_list, items):
        value = metadata.get("resourceVersion")
        if not isinstance(value, str) or not REVISION_IN_TEXT.fullmatch(value) or '"%s"' % value in self.sent:
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
        if bookmark: # the zero values of the real server's structs, which no reader looks at
            for key in set(value) - {"kind", "apiVersion", "metadata", "rows", "columnDefinitions"}:
                del value[key]
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
