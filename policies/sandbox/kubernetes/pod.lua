-- Pure helpers about pods: made from a template, ready or not, of which revision.
local M = {}

M.API = "v1"
M.KIND = "Pod"

function M.condition(pod, kind)
  local status = pod.status
  for _, condition in ipairs(status and status.conditions or {}) do
    if condition.type == kind then return condition end
  end
  return nil
end

function M.is_ready(pod)
  local ready = M.condition(pod, "Ready")
  return ready ~= nil and ready.status == "True" and pod.status.phase == "Running"
end

-- Seconds until the pod has been Ready for as long as its workload asks for: 0 when it has, nil when it is not Ready.
function M.seconds_until_available(pod, min_ready_s)
  if not M.is_ready(pod) then return nil end
  if (min_ready_s or 0) == 0 then return 0 end
  return math.max(0, min_ready_s - (clock.now() - clock.parse(M.condition(pod, "Ready").lastTransitionTime)))
end

function M.is_failed(pod)
  local phase = pod.status and pod.status.phase
  return phase == "Failed" or phase == "Succeeded"
end

function M.is_deleting(object)
  return object.metadata.deletionTimestamp ~= nil
end

-- "name-3" of set "name" is 3; nil when the name has another form.
function M.ordinal(name, set_name)
  local prefix = set_name .. "-"
  if name:sub(1, #prefix) ~= prefix then return nil end
  local digits = name:sub(#prefix + 1)
  if digits == "" or digits:find("%D") or (#digits > 1 and digits:sub(1, 1) == "0") then return nil end
  return math.tointeger(tonumber(digits))
end

function M.controller_of(object)
  for _, reference in ipairs(object.metadata.ownerReferences or {}) do
    if reference.controller == true then return reference end
  end
  return nil
end

function M.owner_reference(owner)
  return {
    apiVersion = owner.apiVersion, kind = owner.kind, name = owner.metadata.name, uid = owner.metadata.uid,
    controller = true, blockOwnerDeletion = true,
  }
end

local function contains(values, wanted)
  for _, value in ipairs(values or {}) do
    if value == wanted then return true end
  end
  return false
end

-- matchLabels and matchExpressions of a selector against labels.
function M.matches(selector, labels)
  for key, value in pairs(selector.matchLabels or {}) do
    if labels[key] ~= value then return false end
  end
  for _, e in ipairs(selector.matchExpressions or {}) do
    local value = labels[e.key]
    local fits = {
      In = value ~= nil and contains(e.values, value), NotIn = value == nil or not contains(e.values, value),
      Exists = value ~= nil, DoesNotExist = value == nil,
    }
    if not fits[e.operator] then return false end
  end
  return true
end

-- A pod of the template, controlled by the owner. `labels` are added to the template's.
function M.from_template(template, owner, name, labels)
  local metadata = json.copy(template.metadata or json.object{})
  metadata.creationTimestamp = nil
  metadata.namespace = owner.metadata.namespace
  metadata.name = name
  metadata.labels = metadata.labels or {}
  for key, value in pairs(labels) do metadata.labels[key] = value end
  metadata.ownerReferences = { M.owner_reference(owner) }
  return { apiVersion = M.API, kind = M.KIND, metadata = metadata, spec = json.copy(template.spec) }
end

return M
