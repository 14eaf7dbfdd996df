-- What every situation uses: objects that are as small as they can be, steps, and waiting for their ends.
local setting = require "setting"

local M = { namespace = setting.namespace }

-- How long a step takes that is for nothing in particular: longer than a pod needs to go and come.
M.QUIET_MS = setting.mode == "virtual" and 3000 or 7000
M.BRIEF_MS = setting.mode == "virtual" and 1500 or 3000   -- once what it is for has come about

M.KINDS = { "Deployment", "StatefulSet", "ReplicaSet", "ControllerRevision", "Pod", "PersistentVolumeClaim", "ConfigMap" }

local APPS = { StatefulSet = true, Deployment = true, ReplicaSet = true, ControllerRevision = true }
local UNREADY = { ["sandbox.nemeton.dev/ready-seconds"] = "never" }

function M.check(value, err)
  if value == nil or value == false then
    error(type(err) == "table" and (err.code .. ": " .. err.message) or err or "failed", 2)
  end
  return value
end

function M.world(path)
  local response = M.check(http.request{ method = "POST", url = "http://world/" .. path:gsub(" ", "%%20") })
  if response.status ~= 200 then error(path .. ": " .. response.body, 2) end
end

function M.target(kind, name)
  return { apiVersion = APPS[kind] and "apps/v1" or "v1", kind = kind, namespace = M.namespace, name = name }
end

function M.read(kind, name)
  local object, err = kube.read(M.target(kind, name))
  if not object and err.code ~= "not_found" then error(err.code .. ": " .. err.message, 2) end
  return object
end

-- All of a kind but what Kubernetes itself puts into a namespace.
function M.list(kind, labels)
  local target, out = M.target(kind), {}
  for _, object in ipairs(M.check(kube.read_list{ apiVersion = target.apiVersion, kind = kind, namespace = M.namespace,
    labels = labels })) do
    if object.metadata.name ~= "kube-root-ca.crt" then out[#out + 1] = object end
  end
  return out
end

function M.wait(ctx, what, seconds, fn)
  local last
  for _ = 1, seconds * 20 do
    local value, why = fn()
    if value then return value end
    last = why or last
    ctx.sleep(50)
  end
  error("waited " .. seconds .. " s in vain: " .. what .. (last and " (" .. tostring(last) .. ")" or ""), 2)
end

-- Marks the step, does it, and waits: for `done`, where there is one, and until all is quiet.
function M.step(ctx, what, act, done)
  M.world("mark/" .. what)
  act()
  if done then M.wait(ctx, what, 60, done) end
  ctx.sleep(done and M.BRIEF_MS or M.QUIET_MS)
end

local function overlay(target, changes)
  for key, value in pairs(changes or {}) do
    if type(value) == "table" and type(target[key]) == "table" and #value == 0 then
      overlay(target[key], value)
    else
      target[key] = value
    end
  end
  return target
end

function M.template(name, image, unready)
  return {
    metadata = { labels = { app = name }, annotations = unready and UNREADY or nil },
    spec = { containers = { { name = "c", image = image or "i:1" } } },
  }
end

local function workload(kind, name, changes)
  local object = M.target(kind, name)
  object.name, object.namespace = nil, nil
  object.metadata = { name = name, namespace = M.namespace }
  object.spec = { replicas = 1, selector = { matchLabels = { app = name } }, template = M.template(name) }
  overlay(object.spec, changes)
  return object
end

function M.set(name, changes)
  local object = workload("StatefulSet", name, changes)
  object.spec.serviceName = "s"
  return object
end

function M.deployment(name, changes)
  return workload("Deployment", name, changes)
end

function M.claim_template(name)
  return { metadata = { name = name },
    spec = { accessModes = { "ReadWriteOnce" }, resources = { requests = { storage = "1Gi" } } } }
end

function M.claim(name)
  local claim = M.claim_template(name)
  claim.apiVersion, claim.kind, claim.metadata.namespace = "v1", "PersistentVolumeClaim", M.namespace
  return claim
end

function M.config(name, owners, metadata)
  local object = { apiVersion = "v1", kind = "ConfigMap",
    metadata = overlay({ name = name, namespace = M.namespace }, metadata) }
  for i, owner in ipairs(owners or {}) do
    object.metadata.ownerReferences = object.metadata.ownerReferences or {}
    object.metadata.ownerReferences[i] = { apiVersion = "v1", kind = "ConfigMap", name = owner.metadata.name,
      uid = owner.metadata.uid, blockOwnerDeletion = owner.blocks }
  end
  return object
end

function M.pod(name, claim)
  local pod = M.template(name)
  pod.apiVersion, pod.kind = "v1", "Pod"
  pod.metadata.name, pod.metadata.namespace = name, M.namespace
  if claim then pod.spec.volumes = { { name = "v", persistentVolumeClaim = { claimName = claim } } } end
  return pod
end

function M.pods(name)
  return M.list("Pod", "app=" .. name)
end

function M.is_ready(pod)
  for _, condition in ipairs(pod.status and pod.status.conditions or {}) do
    if condition.type == "Ready" then return condition.status == "True" end
  end
  return false
end

-- So many pods, all Ready and none going, and the set has seen it: with nothing left to roll out.
function M.stands(kind, name, count)
  return function()
    local object = M.read(kind, name)
    local status = object and object.status or {}
    local list, ready = M.pods(name), 0
    for _, pod in ipairs(list) do
      if M.is_ready(pod) and not pod.metadata.deletionTimestamp then ready = ready + 1 end
    end
    return object and #list == count and ready == count and (status.replicas or 0) == count
      and (status.readyReplicas or 0) == count and status.observedGeneration == object.metadata.generation
      and (status.updatedReplicas or 0) == count, #list .. " pods, " .. ready .. " ready, " .. json.encode(status)
  end
end

-- As many as asked for have been Ready for long enough.
function M.available(name, count)
  return function()
    local set = M.read("StatefulSet", name)
    return (set.status.availableReplicas or 0) == count and set.status.updateRevision == set.status.currentRevision
  end
end

-- So many pods, Ready or not.
function M.counts(name, count)
  return function() return #M.pods(name) == count, #M.pods(name) .. " pods" end
end

function M.gone(kind, name)
  return function() return M.read(kind, name) == nil end
end

function M.create(ctx, object)
  return function() M.check(ctx.create(object)) end
end

function M.patch(ctx, kind, name, body, options)
  return function() M.check(ctx.patch(M.target(kind, name), body, options)) end
end

function M.delete(ctx, kind, name, propagation)
  return function() M.check(ctx.delete(M.target(kind, name), { propagation = propagation or "Background" })) end
end

function M.image(name, image, unready)
  return { spec = { template = { metadata = { annotations = unready and UNREADY or json.null },
    spec = M.template(name, image).spec } } }
end

return M
