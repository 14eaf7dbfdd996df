-- module: lib.difference
-- An annotation of `kubectl rollout restart` is taken away again, by a second restart.
local difference = require "base.lib.difference"
local left = difference.left
function difference.left(wanted, live, path)
  local annotations = live.metadata and live.metadata.annotations
  if annotations and next(annotations) and not (wanted.metadata or {}).annotations then
    return "metadata.annotations"
  end
  return left(wanted, live, path)
end
return difference
