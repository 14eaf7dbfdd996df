-- Small helpers for plain tables: choosing, joining, sorting. Pure.
--
-- Policies build Kubernetes objects out of parts that may be missing. An absent part must be absent
-- in the result too (an empty table would claim the field), which is what `filled` is for.

local M = {}

-- The keys of a map, sorted: the only order in which anything may be visited that ends up in an object.
function M.keys(map)
  local keys = {}
  local sorted = true
  for key in pairs(map or {}) do
    sorted = sorted and (#keys == 0 or keys[#keys] < key)
    keys[#keys + 1] = key
  end
  if not sorted then   -- policies see keys in order; plain Lua does not
    table.sort(keys)
  end
  return keys
end

-- The first argument that is neither nil nor "".
function M.text(...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if value ~= nil and value ~= "" then
      return value
    end
  end
  return nil
end

-- One list after the other, as a new list.
function M.concat(first, second)
  local all = {}
  M.append(all, first or {})
  M.append(all, second or {})
  return all
end

-- Adds the entries of a list to another one.
function M.append(list, more)
  for i = 1, #more do
    list[#list + 1] = more[i]
  end
end

-- A new map; keys of later maps win.
function M.merge(...)
  local all = {}
  for i = 1, select("#", ...) do
    for key, value in pairs(select(i, ...) or {}) do
      all[key] = value
    end
  end
  return all
end

-- The table itself, or nil when there is nothing in it.
function M.filled(value)
  if value == nil or next(value) == nil then
    return nil
  end
  return value
end

-- A table with the same top level.
function M.shallow(value)
  local copy = {}
  for key, part in pairs(value) do
    copy[key] = part
  end
  return copy
end

-- value.a.b.c for "a", "b", "c"; nil as soon as one is missing. Called more often than anything else.
function M.dig(value, first, second, third, ...)
  if value == nil or first == nil then
    return value
  end
  value = value[first]
  if value == nil or second == nil then
    return value
  end
  value = value[second]
  if value == nil or third == nil then
    return value
  end
  return M.dig(value[third], ...)
end

return M
