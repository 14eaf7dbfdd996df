-- The Deployment controller: one ReplicaSet a template, moved over within maxSurge and maxUnavailable. One
-- thing a run, as the real one: a set made, scaled up, or down; what follows waits for what comes of it.
local owner = require "lib.owner"
local pods = require "kubernetes.pod"
local proportion = require "kubernetes.proportion"
local progress = require "kubernetes.progress"
local revision = require "kubernetes.revision"

local M = {}

M.watches = {
  primaries = { { apiVersion = "apps/v1", kind = "Deployment" } },
  { apiVersion = "apps/v1", kind = "ReplicaSet", map = "owner" },
}
M.rights = {
  ["apps/v1/Deployment"] = { "status", "patch", "event" },
  ["apps/v1/ReplicaSet"] = { "create", "patch", "delete", "read" },
}

local NUMBER = "deployment.kubernetes.io/revision"
local NUMBERS = "deployment.kubernetes.io/revision-history"
local WANTED = "deployment.kubernetes.io/desired-replicas"
local MOST = "deployment.kubernetes.io/max-replicas"

local function amount(value, of, round_up, default)
  if value == nil then value = default end
  if type(value) == "string" then
    local percent = tonumber(value:match("^(%d+)%%$") or "0")
    local exact = of * percent / 100
    return math.tointeger(round_up and math.ceil(exact) or math.floor(exact))
  end
  return value
end

local function is_recreate(deployment)
  return deployment.spec.strategy ~= nil and deployment.spec.strategy.type == "Recreate"
end

-- How many pods may be missing and how many may be too many.
function M.budget(deployment)
  local wanted = deployment.spec.replicas or 1
  if is_recreate(deployment) then return 0, 0 end
  local rolling = deployment.spec.strategy and deployment.spec.strategy.rollingUpdate or {}
  local surge = amount(rolling.maxSurge, wanted, true, "25%")
  local unavailable = amount(rolling.maxUnavailable, wanted, false, "25%")
  if surge == 0 and unavailable == 0 then unavailable = 1 end
  return math.min(unavailable, wanted), surge
end

local function hash_of(template)
  return revision.safe_encode(string.format("%d", digest.fnv1_32(json.encode(template))))
end

local function size(set) return set.spec.replicas or 0 end
local function number_of(set) return math.tointeger(tonumber((set.metadata.annotations or {})[NUMBER])) or 0 end

local function sum(sets, fn)
  local total = 0
  for _, set in ipairs(sets) do total = total + fn(set) end
  return total
end
local function available(set) return set.status and set.status.availableReplicas or 0 end

local function sizes_noted(deployment)
  local wanted, _, surge = deployment.spec.replicas or 1, M.budget(deployment)
  return { [WANTED] = tostring(wanted), [MOST] = tostring(wanted == 0 and 0 or wanted + surge) }
end

function M.replica_set(deployment, hash, replicas, number)
  local template = json.copy(deployment.spec.template)
  template.metadata = template.metadata or {}
  template.metadata.labels = template.metadata.labels or {}
  template.metadata.labels["pod-template-hash"] = hash
  local selector = json.copy(deployment.spec.selector)
  selector.matchLabels = selector.matchLabels or {}
  selector.matchLabels["pod-template-hash"] = hash
  local annotations = sizes_noted(deployment)
  annotations[NUMBER] = tostring(number)
  return {
    apiVersion = "apps/v1", kind = "ReplicaSet",
    metadata = {
      namespace = deployment.metadata.namespace, name = deployment.metadata.name .. "-" .. hash,
      labels = template.metadata.labels, annotations = annotations,
      ownerReferences = { pods.owner_reference(deployment) },
    },
    spec = { replicas = replicas, selector = selector, template = template, minReadySeconds = deployment.spec.minReadySeconds },
  }
end

-- What the set of the template may grow to, among these others. new: nil when there is none yet.
function M.new_size(deployment, new, old)
  local wanted, _, surge = deployment.spec.replicas or 1, M.budget(deployment)
  local now = new and size(new) or 0
  if now > wanted or is_recreate(deployment) then return wanted end
  local room = wanted + surge - now - sum(old, size)
  return room > 0 and now + math.min(room, wanted - now) or now
end

-- The next size of each old set that shrinks: { [name] = n }. old: oldest first. First what is not available
-- anyway, then as much as there is more than must be.
function M.old_sizes(deployment, new, old)
  local plan = {}
  local unavailable = M.budget(deployment)
  local least = (deployment.spec.replicas or 1) - unavailable
  local most = sum(old, size) + size(new) - least - (size(new) - available(new))
  if most <= 0 then return plan end
  local function shrink(set, count)
    if count > 0 then plan[set.metadata.name] = (plan[set.metadata.name] or size(set)) - count end
    return math.max(0, count)
  end
  local left = most
  for _, set in ipairs(old) do left = left - shrink(set, math.min(left, size(set) - available(set))) end
  local spare = sum(old, available) + available(new) - least
  for _, set in ipairs(old) do spare = spare - shrink(set, math.min(spare, plan[set.metadata.name] or size(set))) end
  return plan
end

-- ReplicaSets that a Deployment of the same selector has left behind are adopted, when a new one begins.
local function adopt(ctx, deployment)
  local labels = {}
  for key, value in pairs(deployment.spec.selector.matchLabels or {}) do labels[#labels + 1] = key .. "=" .. value end
  local found, err = kube.read_list{ apiVersion = "apps/v1", kind = "ReplicaSet", namespace = deployment.metadata.namespace,
    labels = table.concat(labels, ",") }
  for _, set in ipairs(found or {}) do
    if not owner.controller_uid(set) and not pods.is_deleting(set) then
      local target = { apiVersion = "apps/v1", kind = "ReplicaSet", namespace = set.metadata.namespace, name = set.metadata.name,
        uid = set.metadata.uid }
      local done, failed = ctx.patch(target, { metadata = { ownerReferences = { pods.owner_reference(deployment) } } })
      if not done then return nil, failed end
    end
  end
  return found ~= nil, err
end

-- The set of the template (nil: none) and the others, oldest first.
local function sets_of(deployment)
  local name = deployment.metadata.name .. "-" .. hash_of(deployment.spec.template)
  local new, old = nil, {}
  for _, set in ipairs(kube.list{ apiVersion = "apps/v1", kind = "ReplicaSet", namespace = deployment.metadata.namespace,
    owner = deployment.metadata.uid }) do
    if set.metadata.name == name then new = set else old[#old + 1] = set end
  end
  table.sort(old, function(a, b) return number_of(a) < number_of(b) end)
  return new, old
end

local function is_noted(deployment, set)
  for name, text in pairs(sizes_noted(deployment)) do
    if (set.metadata.annotations or {})[name] ~= text then return false end
  end
  return true
end

local function change(ctx, set, body)
  local target = { apiVersion = "apps/v1", kind = "ReplicaSet", namespace = set.metadata.namespace, name = set.metadata.name }
  local done, err = ctx.patch(target, body)
  if not done then return nil, err end
  return done
end

local function resize(ctx, deployment, set, replicas)
  return change(ctx, set, { metadata = { annotations = sizes_noted(deployment) }, spec = { replicas = replicas } })
end

-- The newest set has the highest number, and the Deployment has it, too.
local function number(ctx, deployment, new, old)
  local highest = old[#old] and number_of(old[#old]) or 0
  local before = number_of(new)
  if before <= highest then
    local history = (new.metadata.annotations or {})[NUMBERS]
    local done, err = change(ctx, new, { metadata = { annotations = { [NUMBER] = tostring(highest + 1),
      [NUMBERS] = before > 0 and (history and history .. "," or "") .. before or nil } } })
    if not done then return nil, err end
    new, before = done, highest + 1
  end
  if number_of(deployment) ~= before then
    -- With the status, as the real one: elsewhere it would be a new generation.
    local done, err = ctx.patch(deployment, { metadata = { annotations = { [NUMBER] = tostring(before) } } },
      { subresource = "status" })
    if not done then return nil, err end
  end
  return new
end

local function with(new, old)
  return new and { new, table.unpack(old) } or old
end

-- Whether somebody has scaled it since its sets were last sized.
local function is_scaled(deployment, sets)
  local wanted = tostring(deployment.spec.replicas or 1)
  for _, set in ipairs(sets) do
    local noted = (set.metadata.annotations or {})[WANTED]
    if size(set) > 0 and noted and noted ~= wanted then return true end
  end
  return false
end

local function is_saturated(deployment, new)
  local wanted = deployment.spec.replicas or 1
  return new ~= nil and size(new) == wanted and available(new) == wanted
    and (new.metadata.annotations or {})[WANTED] == tostring(wanted)
end

-- A Deployment that is scaled or paused: the one set that there is follows; of several each grows or shrinks in
-- proportion, unless the new one does all already.
local function scale(ctx, deployment, new, old)
  local wanted, active, next_sizes = deployment.spec.replicas or 1, {}, {}
  for _, set in ipairs(with(new, old)) do
    if size(set) > 0 then active[#active + 1] = set end
  end
  local only = #active == 1 and active[1] or (#active == 0 and (new or old[#old])) or nil
  if only then
    if size(only) == wanted then return true end
    next_sizes[only.metadata.name], active = wanted, { only }
  elseif is_saturated(deployment, new) then
    for _, set in ipairs(active) do next_sizes[set.metadata.name] = set == new and size(new) or 0 end
  elseif is_recreate(deployment) then
    return true
  else
    local _, surge = M.budget(deployment)
    next_sizes = proportion.sizes(deployment, active, wanted > 0 and wanted + surge or 0)
  end
  for _, set in ipairs(active) do
    if next_sizes[set.metadata.name] ~= size(set) or not is_noted(deployment, set) then
      local done, err = resize(ctx, deployment, set, next_sizes[set.metadata.name])
      if not done then return nil, err end
    end
  end
  return true
end

local function shrink(ctx, deployment, plan, old)
  for _, set in ipairs(old) do
    if plan[set.metadata.name] then
      local done, err = resize(ctx, deployment, set, plan[set.metadata.name])
      if not done then return nil, err end
    end
  end
  return next(plan) ~= nil
end

local function forget(ctx, deployment, old)
  local finished = {}
  for _, set in ipairs(old) do
    if size(set) == 0 and (not set.status or (set.status.replicas or 0) == 0) then finished[#finished + 1] = set end
  end
  for i = 1, #finished - (deployment.spec.revisionHistoryLimit or 10) do
    ctx.delete(finished[i], { reason = "revision history limit" })
  end
end

-- One step of the rollout; gives the set of the template as it is now, or nil and an error.
local function roll(ctx, deployment, new, old)
  if is_recreate(deployment) then
    local plan = {}
    for _, set in ipairs(old) do if size(set) > 0 then plan[set.metadata.name] = 0 end end
    local done, err = shrink(ctx, deployment, plan, old)
    if done == nil then return nil, err end
    local busy = sum(old, function(set)
      return set.status and (set.status.replicas or 0) + (set.status.terminatingReplicas or 0) or 0
    end)
    if done or busy > 0 then return new or false end
  end
  if not new then
    local highest = old[#old] and number_of(old[#old]) or 0
    return ctx.create(M.replica_set(deployment, hash_of(deployment.spec.template), M.new_size(deployment, nil, old), highest + 1))
  end
  local next_size = M.new_size(deployment, new, old)
  if next_size ~= size(new) then return resize(ctx, deployment, new, next_size) end
  local done, err = shrink(ctx, deployment, M.old_sizes(deployment, new, old), old)
  if done == nil then return nil, err end
  return new
end

function M.reconcile(ctx)
  local deployment = ctx.object
  if not deployment then return end
  local going = pods.is_deleting(deployment)
  if not going and not (deployment.status and deployment.status.observedGeneration) then
    local done, err = adopt(ctx, deployment)
    if not done then return nil, err end
  end
  local new, old = sets_of(deployment)
  local made, paces = false, not going
  if not going then
    if new and not deployment.spec.paused then
      local err
      new, err = number(ctx, deployment, new, old)
      if not new then return nil, err end
    end
    paces = not deployment.spec.paused and not is_scaled(deployment, with(new, old))
    if not paces then
      local done, err = scale(ctx, deployment, new, old)
      if not done then return nil, err end
    else
      local before = new
      local err
      new, err = roll(ctx, deployment, new, old)
      if new == nil then return nil, err end
      made = new and not before
      new = new or nil
      if made then
        new, err = number(ctx, deployment, new, old)
        if not new then return nil, err end
      end
    end
  end
  local status, again_s = progress.status(deployment, new, with(new, old), M.budget(deployment), made, paces)
  if not going and progress.is_complete(deployment, status) then forget(ctx, deployment, old) end
  local _, err = ctx.status(status)
  if err then return nil, err end
  if again_s then return { requeue_ms = math.ceil(again_s * 1000) } end
end

return M
