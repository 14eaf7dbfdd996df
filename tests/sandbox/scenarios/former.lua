-- Puts recorded objects of the former operator into a world, as it would have left them. No scenario.
local w = require "world"
local M = {}

-- The recorded namespaces, as they are called in this world.
local function here(namespace)
  return namespace == "adoption" and w.namespace or w.namespace .. "-" .. namespace:match("%-(%w+)$")
end

-- The field managers as they were recorded: the owner's uid is another one now. time: of the last writes.
local function restore_managers(ctx, object, recorded, uid, time)
  local managers = json.decode((json.encode(recorded):gsub('k:{\\"uid\\":\\"[%x-]+\\"}', 'k:{\\"uid\\":\\"' .. uid .. '\\"}')))
  for _, entry in ipairs(managers) do
    entry.time = time or entry.time
  end
  w.check(ctx.patch(object, { { op = "replace", path = "/metadata/managedFields", value = managers } }, { type = "json" }))
end

-- What was recorded on 1.35 under versions that an old server lacks: it has the same fields under older ones. Then
-- M.is_old is set. M.create(ctx, object) creates under the version that the server has.
local older = { ["policy/v1"] = "policy/v1beta1", ["autoscaling/v2"] = "autoscaling/v2beta2" }

function M.create(ctx, object, managers)
  local made, err = ctx.create(object)
  local version = older[object.apiVersion]
  if not made and version and err.message:find("the server has no kind", 1, true) then
    for _, entry in ipairs(managers or {}) do
      entry.apiVersion = entry.apiVersion == object.apiVersion and version or entry.apiVersion
    end
    object.apiVersion, M.is_old = version, true
    made, err = ctx.create(object)
  end
  return w.check(made, err)
end

local function restore_druid(ctx, recorded, change)
  local metadata = recorded.metadata
  local druid = { apiVersion = recorded.apiVersion, kind = recorded.kind, spec = recorded.spec,
    metadata = { name = metadata.name, namespace = here(metadata.namespace), finalizers = metadata.finalizers } }
  druid.spec.druidTimeout = "3s"   -- nothing answers in these pods
  for _, reference in ipairs(druid.spec.extraCommonConfig or {}) do
    reference.namespace = here(reference.namespace)
  end
  if change then change(druid) end
  return w.check(ctx.create(druid))
end

-- Creates all of a recording. change: a function that changes the Druid objects; time: of the former operator's
-- last writes, else long ago. Gives a list of { target =, uid = }, one for each Druid object.
function M.restore(ctx, name, change, time)
  local answer = w.check(http.request{ method = "GET", url = "http://world/file/tests/adoption/recorded/" .. name .. ".yaml" })
  if answer.status ~= 200 then error(answer.body) end
  local list, last = {}, nil
  for _, recorded in ipairs(w.check(yaml.decode_all(answer.body))) do
    local namespace, managers = here(recorded.metadata.namespace), recorded.metadata.managedFields
    if namespace ~= w.namespace then
      ctx.create{ apiVersion = "v1", kind = "Namespace", metadata = { name = namespace } }
    end
    if recorded.kind == "Druid" then
      last = restore_druid(ctx, recorded, change)
      list[#list + 1] = { uid = last.metadata.uid,
        target = { apiVersion = last.apiVersion, kind = last.kind, namespace = namespace, name = last.metadata.name } }
    else
      local metadata = recorded.metadata
      metadata.namespace, metadata.managedFields, metadata.generation = namespace, nil, nil
      for _, owner in ipairs(metadata.ownerReferences or {}) do owner.uid = last.metadata.uid end
      local made = M.create(ctx, recorded, managers)
      if managers then restore_managers(ctx, made, managers, last.metadata.uid, time) end
    end
  end
  if name == "mmless" then
    ctx.create{ apiVersion = "v1", kind = "ServiceAccount", metadata = { name = "druid", namespace = w.namespace } }
  end
  return list
end

local function read_list(one, api_version, kind)
  return w.check(kube.read_list{ apiVersion = api_version, kind = kind, namespace = one.target.namespace,
    labels = "app=druid,druid_cr=" .. one.target.name })
end

function M.workloads(one)
  local list = {}
  for _, kind in ipairs{ "StatefulSet", "Deployment" } do
    for _, workload in ipairs(read_list(one, "apps/v1", kind)) do list[#list + 1] = workload end
  end
  return list
end

function M.wait_for_pods(ctx, one)
  w.wait(ctx, "the pods of " .. one.target.name .. " are ready", 120, function()
    for _, workload in ipairs(M.workloads(one)) do
      local status = workload.status or {}
      if (status.readyReplicas or 0) ~= workload.spec.replicas
        or status.observedGeneration ~= workload.metadata.generation then
        return false, workload.metadata.name
      end
    end
    return true
  end)
end

-- What must be the same after a takeover. The generation of a Deployment counts its annotations, too.
function M.snapshot(one)
  local all = {}
  for _, workload in ipairs(M.workloads(one)) do
    all[workload.kind .. "/" .. workload.metadata.name] = { uid = workload.metadata.uid, template = workload.spec.template,
      generation = workload.kind == "StatefulSet" and workload.metadata.generation or nil }
  end
  for _, pod in ipairs(read_list(one, "v1", "Pod")) do
    all["Pod/" .. pod.metadata.name] = { uid = pod.metadata.uid, deleting = pod.metadata.deletionTimestamp ~= nil }
  end
  return json.copy(all)
end

function M.is_ready(one)
  local druid = w.check(kube.read(one.target))
  local ready = w.condition(druid, "Ready")
  if not ready then return false, "no Ready condition" end
  if ready.status ~= "True" or druid.status.observedGeneration ~= druid.metadata.generation then
    return false, ready.reason .. ": " .. ready.message
  end
  return druid
end

-- What a scenario leaves in other namespaces than its own.
function M.clean(ctx)
  local two = w.namespace .. "-two"
  for _, druid in ipairs(kube.read_list{ apiVersion = w.DRUID.apiVersion, kind = w.DRUID.kind, namespace = two } or {}) do
    w.check(ctx.delete(druid))
  end
  w.wait(ctx, "the second namespace is empty", 60, function()
    return #w.check(kube.read_list{ apiVersion = w.DRUID.apiVersion, kind = w.DRUID.kind, namespace = two }) == 0
  end)
  ctx.delete{ apiVersion = "v1", kind = "Namespace", name = two }
end

return M
