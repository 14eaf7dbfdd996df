"""Differences of two masked answers: one line each, with the path of the field and both values."""

import os

SHOWN_MAX = int(os.environ.get("CONFORMANCE_SHOWN", "160"))
_absent = object()


def shown(value):
    import json
    if value is _absent:
        return "(absent)"
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…"


def differences(ours, real, path=""):
    """Pairs of (path, ours, real)."""
    if isinstance(ours, dict) and isinstance(real, dict):
        for key in sorted(set(ours) | set(real)):
            yield from differences(ours.get(key, _absent), real.get(key, _absent), path + "." + key if path else key)
    elif isinstance(ours, list) and isinstance(real, list):
        for i in range(max(len(ours), len(real))):
            yield from differences(ours[i] if i < len(ours) else _absent, real[i] if i < len(real) else _absent,
                                   "%s[%d]" % (path, i))
    elif type(ours) is not type(real) or ours != real:
        yield path, ours, real
