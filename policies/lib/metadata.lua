-- Labels and annotations as Kubernetes allows them: what is wrong with a map of them. Pure.

local names = require "lib.names"
local tables = require "lib.tables"

local M = {}

M.annotations_bytes_max = 256 << 10

local function check_key(key, at, add)
  if not names.is_label_key(key) then
    add(at .. "." .. key, "is no key that Kubernetes allows",
      "use letters, digits, dots, dashes and underscores, at most 63, perhaps after a prefix such as example.com/")
  end
end

-- Calls add(field, message, remedy) for each fault. map may be nil.
function M.labels(map, at, add)
  for _, key in ipairs(tables.keys(map)) do
    check_key(key, at, add)
    if not names.is_label_value(map[key]) then
      add(at .. "." .. key, "\"" .. names.cut(tostring(map[key]), 80) .. "\" is no value of a label",
        "use at most 63 letters, digits, dots, dashes and underscores")
    end
  end
end

function M.annotations(map, at, add)
  local bytes = 0
  for _, key in ipairs(tables.keys(map)) do
    check_key(key:lower(), at, add)   -- Kubernetes looks at the lower-case form
    bytes = bytes + #key + #tostring(map[key])
  end
  if bytes > M.annotations_bytes_max then
    add(at, string.format("has %d bytes; %d are the most", bytes, M.annotations_bytes_max), "shorten it")
  end
end

return M
