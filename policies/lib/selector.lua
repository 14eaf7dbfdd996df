-- Label selectors made of equalities, as text and as a test. Pure.

local tables = require "lib.tables"

local M = {}

-- "app=druid,druid_cr=demo", sorted.
function M.text(labels)
  local parts = {}
  for _, key in ipairs(tables.keys(labels)) do
    parts[#parts + 1] = key .. "=" .. labels[key]
  end
  return table.concat(parts, ",")
end

-- True when an object with `labels` carries all of `wanted`.
function M.matches(wanted, labels)
  for key, value in pairs(wanted) do
    if not labels or labels[key] ~= value then
      return false
    end
  end
  return true
end

return M
