-- Where a live object differs from what we would send. Pure.
--
-- Only what we send counts: what the server defaulted or others added is no difference. Lists of
-- objects match by the key that Kubernetes merges them by, quantities by value. This decides whether
-- an adopted pod template is the one that we would write; it never decides what is sent.

local quantity = require "lib.quantity"

local M = {}

local list_keys = { "name", "containerPort", "mountPath", "port", "topologyKey" }

local function key_of(list)
  for _, key in ipairs(list_keys) do
    local all = #list > 0
    for _, item in ipairs(list) do
      if type(item) ~= "table" or item[key] == nil then
        all = false
      end
    end
    if all then
      return key
    end
  end
  return nil
end

local function find(list, key, value)
  for _, item in ipairs(list) do
    if item[key] == value then
      return item
    end
  end
  return nil
end

-- The path of the first difference ("spec.containers.main.image"), or nil when there is none.
-- Both sides are plain tables.
function M.first(wanted, live, path)
  path = path or ""
  if type(wanted) ~= "table" then
    if wanted == live then
      return nil
    end
    return not (type(wanted) ~= "boolean" and quantity.equal(wanted, live)) and path or nil
  end
  if type(live) ~= "table" then
    -- An empty map or list that the server dropped is no difference.
    return next(wanted) ~= nil and path or nil
  end
  local function below(name)
    return path == "" and tostring(name) or path .. "." .. tostring(name)
  end
  if #wanted > 0 then
    local key = key_of(wanted)
    if not key and #live ~= #wanted then
      return path
    end
    for i, item in ipairs(wanted) do
      local other = live[i]
      if key then
        other = find(live, key, item[key])
      end
      local at = M.first(item, other, below(key and item[key] or i))
      if at then
        return at
      end
    end
    return nil
  end
  local names = {}
  for name in pairs(wanted) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    local at = M.first(wanted[name], live[name], below(name))
    if at then
      return at
    end
  end
  return nil
end

return M
