-- Scheduler and kubelet in one: pods get a node, start, become Ready, and stop when deleted.
-- A pod is Running one second after it was scheduled and Ready after two; the annotation
-- `sandbox.nemeton.dev/ready-seconds` changes that ("never" keeps it unready). An image whose reference
-- contains "missing" cannot be pulled. The annotation `sandbox.nemeton.dev/crashes` is an exit code: the first
-- container ends with it again and again; `sandbox.nemeton.dev/log` is what `kubectl logs` shows.
local pods = require "kubernetes.pod"

local M = {}

M.NODE = "sandbox"
M.READY_SECONDS = 2

M.watches = {
  primaries = { { apiVersion = "v1", kind = "Pod" } },
  { apiVersion = "v1", kind = "PersistentVolumeClaim", map = "none", fields = { "status.phase" } },
}
M.rights = { ["v1/Pod"] = { "create", "status", "delete-any", "event" } }

local function condition(pod, kind, ok, reason, message)
  local status, since = ok and "True" or "False", clock.rfc3339()
  local old = pods.condition(pod, kind)
  if old and old.status == status then since = old.lastTransitionTime end
  return { type = kind, status = status, reason = reason, message = message, lastTransitionTime = since }
end

-- Which claim the pod has to wait for, or nil.
local function unbound_claim(pod)
  for _, volume in ipairs(pod.spec.volumes or {}) do
    local claim = volume.persistentVolumeClaim
    if claim then
      local live = kube.get{ apiVersion = "v1", kind = "PersistentVolumeClaim", namespace = pod.metadata.namespace,
        name = claim.claimName }
      if not live or not live.status or live.status.phase ~= "Bound" then return claim.claimName end
    end
  end
  return nil
end

local function bad_image(pod)
  for _, container in ipairs(pod.spec.containers) do
    if container.image and container.image:find("missing", 1, true) then return container.image end
  end
  return nil
end

-- Seconds after which the pod is Ready; nil: never.
function M.ready_seconds(pod)
  local text = pod.metadata.annotations and pod.metadata.annotations["sandbox.nemeton.dev/ready-seconds"]
  if text == "never" then return nil end
  return text and math.tointeger(tonumber(text)) or M.READY_SECONDS
end

M.RESTART_SECONDS, M.RESTART_SECONDS_MAX = 10, 300

-- How often a container that crashes has been started again `age` seconds after its pod, and the seconds until the
-- next time: ten seconds the first time, then twice as long each, five minutes at most.
function M.restarts(age)
  local count, at, pause = 0, 1, M.RESTART_SECONDS
  while at + pause <= age do
    count, at = count + 1, at + pause
    pause = math.min(pause * 2, M.RESTART_SECONDS_MAX)
  end
  return count, at + pause - age
end

-- Makes the first container of a status one that has just ended, and waits to be started again. Gives the seconds until
-- that.
local function crash(status, pod, started, age)
  local code = math.tointeger(tonumber((pod.metadata.annotations or {})["sandbox.nemeton.dev/crashes"] or ""))
  if not code or age < 1 then return nil end
  local container, restarts, left = status.containerStatuses[1], M.restarts(age)
  container.restartCount = restarts
  container.ready, container.started = false, false
  container.state = { waiting = { reason = "CrashLoopBackOff", message = "back-off restarting failed container" } }
  container.lastState = { terminated = { exitCode = code, reason = code == 137 and "OOMKilled" or "Error", startedAt = started,
    finishedAt = started } }
  return left
end

local function container_statuses(pod, state, ready)
  local list = json.array{}
  for _, container in ipairs(pod.spec.containers) do
    list[#list + 1] = { name = container.name, image = container.image, imageID = "", ready = ready,
      started = ready, restartCount = 0, state = state }
  end
  return list
end

-- An address that no other pod has, as far as chance goes: 10.128.0.1 to 10.254.255.254.
function M.address(uid)
  local hash = digest.fnv1_32(uid)
  return string.format("10.%d.%d.%d", 128 + hash // 65536 % 127, hash // 256 % 256, hash % 254 + 1)
end

-- The status of a pod that was scheduled `age` seconds ago, and the seconds until the next change.
function M.status(pod, started, age)
  local ready_after = M.ready_seconds(pod)
  local broken = bad_image(pod)
  local running = not broken and age >= 1
  local crashes = running and (pod.metadata.annotations or {})["sandbox.nemeton.dev/crashes"] ~= nil
  local ready = running and not crashes and ready_after ~= nil and age >= ready_after
  local state = running and { running = { startedAt = started } }
    or { waiting = { reason = broken and "ErrImagePull" or "ContainerCreating",
      message = broken and "cannot pull image " .. broken or nil } }
  local why = not ready and "ContainersNotReady" or nil
  local words = not ready and "containers with unready status: [" .. pod.spec.containers[1].name .. "]" or nil
  local status = {
    phase = running and "Running" or "Pending", startTime = started, qosClass = pod.status and pod.status.qosClass,
    hostIP = "10.0.0.1", podIP = running and M.address(pod.metadata.uid) or nil,
    conditions = {
      condition(pod, "PodScheduled", true), condition(pod, "Initialized", true),
      condition(pod, "ContainersReady", ready, why, words), condition(pod, "Ready", ready, why, words),
    },
    containerStatuses = container_statuses(pod, state, ready),
  }
  if status.podIP then status.podIPs = { { ip = status.podIP } } end
  local next_change
  if not running and not broken then
    next_change = 1 - age
  elseif crashes then
    next_change = crash(status, pod, started, age)
  elseif running and not ready and ready_after then
    next_change = ready_after - age
  end
  return status, next_change
end

-- There is one node, which has all labels that anybody asks for, but one name.
local function wants_another(pod)
  local host = pod.spec.nodeSelector and pod.spec.nodeSelector["kubernetes.io/hostname"]
  return host ~= nil and host ~= M.NODE
end

local function schedule(ctx, pod)
  if wants_another(pod) then
    ctx.status{ phase = "Pending", qosClass = pod.status and pod.status.qosClass,
      conditions = { condition(pod, "PodScheduled", false, "Unschedulable", "there is no node of that name") } }
    return
  end
  local claim = unbound_claim(pod)
  if claim then
    local message = "waiting for claim " .. claim .. " to be bound"
    ctx.status{ phase = "Pending", qosClass = pod.status and pod.status.qosClass,
      conditions = { condition(pod, "PodScheduled", false, "Unschedulable", message) } }
    return { requeue_ms = 50 }
  end
  local _, err = ctx.create({ apiVersion = "v1", kind = "Binding",
    metadata = { name = pod.metadata.name, namespace = pod.metadata.namespace },
    target = { apiVersion = "v1", kind = "Node", name = M.NODE } }, { of = pod, subresource = "binding" })
  if err then return nil, err end
end

function M.reconcile(ctx)
  local pod = ctx.object
  if not pod or pods.is_failed(pod) then return end
  if pods.is_deleting(pod) then
    if pod.spec.nodeName and (pod.metadata.deletionGracePeriodSeconds or 30) > 0 then ctx.sleep(500) end
    local done, err = ctx.delete(pod, { immediate = true, reason = "stopped" })
    if not done then return nil, err end
    return
  end
  if not pod.spec.nodeName then return schedule(ctx, pod) end
  local started = pod.status and pod.status.startTime or clock.rfc3339()
  local status, next_change = M.status(pod, started, clock.now() - clock.parse(started))
  local _, err = ctx.status(status)
  if err then return nil, err end
  if next_change then return { requeue_ms = math.max(1, next_change) * 1000 } end
end

return M
