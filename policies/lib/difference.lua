-- Where a live object differs from what we would send. Pure.
--
-- Only what we send counts: what the server defaulted or others added is no difference. Lists of
-- objects match by the key that Kubernetes merges them by, quantities by value. This decides whether
-- an adopted pod template is the one that we would write; it never decides what is sent.

local quantity = require "lib.quantity"

local M = {}

-- Fields that tell 0, false or "" from being left out; elsewhere the server drops such a value.
local told_apart = {}
for name in ([[activeDeadlineSeconds allowPrivilegeEscalation automountServiceAccountToken defaultMode enableServiceLinks
  expirationSeconds fsGroup fsGroupChangePolicy hostUsers maxSurge maxUnavailable minAvailable minReplicas mode optional
  partition priority privileged progressDeadlineSeconds readOnlyRootFilesystem replicas revisionHistoryLimit runAsGroup
  runAsNonRoot runAsUser shareProcessNamespace stabilizationWindowSeconds storageClassName
  terminationGracePeriodSeconds tolerationSeconds volumeMode]]):gmatch("%a+") do
  told_apart[name] = true
end

local zero = { [""] = true, [0] = true, [false] = true }

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
    if at and not (live[name] == nil and zero[wanted[name]] and not told_apart[name]) then
      return at
    end
  end
  return nil
end

-- Lists whose entries, and maps whose keys, nobody but the author of a pod template puts there.
local lists = { "containers", "initContainers", "volumes", "env", "envFrom", "ports", "volumeMounts", "tolerations",
  "imagePullSecrets", "topologySpreadConstraints" }
local maps = { "labels", "annotations", "nodeSelector" }
local whole = { "lifecycle", "livenessProbe", "readinessProbe", "startupProbe", "dnsConfig", "priorityClassName",
  "command", "args", "limits", "requests" }
local others = { ["kubectl.kubernetes.io/restartedAt"] = true }   -- `kubectl rollout restart`

-- What a live pod template has that the wanted one has no longer: a path, or nil. What the server adds by itself
-- and what others add is no difference.
function M.left(wanted, live, path)
  local function below(name)
    return path and path .. "." .. tostring(name) or tostring(name)
  end
  for _, name in ipairs(lists) do
    local have, want = live[name] or {}, wanted[name] or {}
    local key = key_of(have)
    if #have > #want or (#have > 0 and not key and #have ~= #want) then
      return below(name)
    end
    for i, item in ipairs(have) do
      local same = key and find(want, key, item[key]) or not key and want[i] or nil
      local at = not same and below(name) or type(item) == "table" and M.left(same, item, below(name))
      if at then
        return at
      end
    end
  end
  for _, name in ipairs(maps) do
    for key in pairs(live[name] or {}) do
      if (wanted[name] or {})[key] == nil and not others[key] then
        return below(name) .. "." .. key
      end
    end
  end
  for _, name in ipairs(whole) do
    if live[name] ~= nil and wanted[name] == nil and (type(live[name]) ~= "table" or next(live[name]) ~= nil) then
      return below(name)
    end
  end
  for _, name in ipairs({ "metadata", "spec", "resources" }) do
    local at = live[name] and M.left(wanted[name] or {}, live[name], below(name))
    if at then
      return at
    end
  end
  return nil
end

return M
