-- Spares a run the work when nothing that it would compare has changed since it was last compared.
--
-- The proof is one text over all that rendering reads and writing would touch: the policy, the Druid
-- object's generation, the versions of the owned objects, and of workloads, whose status changes all the
-- time, generation, labels and annotations. It is kept in memory and may be lost at any time: then the run
-- does the work. To turn it off, replace `of` by a function that gives nil.
--
-- A run that has written knows how it left the world: as it found it, but for what the server answered. A change that
-- somebody else made meanwhile is in neither, so the next run finds another text and compares.
--
-- It holds while groups wait for their turn, too: which of them would change is kept with it. How far the groups are is
-- no part of it; druid.plan decides anew by that whether one may go now.

local names = require "druid.names"
local tables = require "lib.tables"

local M = {}

local proven = {}   -- uid of the Druid object = { digest = of its proof, waiting = set of keys, direction = }

local plain_kinds = {
  { "v1", "ConfigMap" }, { "v1", "Service" }, { "networking.k8s.io/v1", "Ingress" },
  { "policy/v1", "PodDisruptionBudget" }, { "autoscaling/v2", "HorizontalPodAutoscaler" },
}

-- What the operator remembers of the pods it replaces is compared with nothing.
local function annotations_text(annotations)
  if annotations == nil then
    return ""
  elseif annotations[names.step] then
    annotations = json.copy(annotations)
    annotations[names.step] = "held"
  end
  return json.encode(annotations)
end

local function workload_text(metadata)
  return metadata.uid .. " " .. metadata.generation .. "\n" .. json.encode(metadata.labels) .. "\n"
    .. annotations_text(metadata.annotations)
end

local function key_of(kind, name)
  return kind .. "/" .. name
end

-- The world as it is, in parts: { head =, tail = texts, finalizers =, kinds = texts by kind, workloads = texts by key,
-- keys = of the workloads in order }; nil where it cannot be told: something is read that is not in the caches.
function M.of(ctx, kube, cluster, live)
  local extra = cluster.spec.extraCommonConfig
  if extra and #extra > 0 then
    return nil
  end
  local seen = { head = tostring(ctx.policy_version) .. " " .. tostring(cluster.generation), kinds = {}, workloads = {},
    keys = {}, finalizers = cluster.object.metadata.finalizers or {} }
  for _, kind in ipairs(plain_kinds) do
    seen.kinds[kind[2]] = kube.versions({ apiVersion = kind[1], kind = kind[2], namespace = cluster.namespace,
      owner = cluster.uid })
  end
  for i, group in ipairs(cluster.groups) do
    if group.node.persistentVolumeClaim then
      return nil
    end
    local workload = live.workloads[group.name]
    seen.keys[i] = key_of(group.kind, group.name)
    seen.workloads[seen.keys[i]] = workload and workload_text(workload.metadata)
  end
  seen.tail = tostring(live.steering.frozen) .. tostring(live.steering.back)
    .. table.concat(tables.keys(live.autoscaled), " ")
  return seen
end

-- The text of a kind's versions with those of the objects of that kind among `landed`.
local function versions_after(text, kind, landed)
  local lines, changed = {}, false
  for name, version in text:gmatch("(%S+) ([^\n]+)\n") do
    lines[name] = version
  end
  for _, object in ipairs(landed) do
    if object.kind == kind then
      lines[object.metadata.name], changed = object.metadata.uid .. " " .. object.metadata.resourceVersion, true
    end
  end
  if not changed then
    return text
  end
  local sorted = {}
  for i, name in ipairs(tables.keys(lines)) do
    sorted[i] = name .. " " .. lines[name] .. "\n"
  end
  return table.concat(sorted)
end

-- That world after the server's answers to what was written in it: objects in the order of their writing.
function M.after(seen, finalizers, landed)
  local after = tables.merge(seen, { finalizers = finalizers, kinds = {}, workloads = tables.merge(seen.workloads) })
  for kind, text in pairs(seen.kinds) do
    after.kinds[kind] = versions_after(text, kind, landed)
  end
  local answered = {}
  for _, object in ipairs(landed) do
    answered[key_of(object.kind, object.metadata.name)] = object
  end
  for _, key in ipairs(seen.keys) do
    after.workloads[key] = answered[key] and workload_text(answered[key].metadata) or after.workloads[key]
  end
  return after
end

-- The proof, or nil: a workload is missing, or the finalizer.
local function digest_of(cluster, seen)
  if not seen or (#seen.finalizers == 0 and not cluster.spec.disablePVCDeletionFinalizer) then
    return nil
  end
  local parts = { seen.head, table.concat(seen.finalizers, " "), seen.tail }
  for _, kind in ipairs(plain_kinds) do
    parts[#parts + 1] = seen.kinds[kind[2]]
  end
  for _, key in ipairs(seen.keys) do
    if not seen.workloads[key] then
      return nil
    end
    parts[#parts + 1] = seen.workloads[key]
  end
  return digest.sha256(table.concat(parts, "\n"))
end

-- What was kept with a proof that still holds: { waiting =, direction = }; or nil.
function M.holds(cluster, seen)
  local known = proven[cluster.uid]
  return known and known.digest == digest_of(cluster, seen) and known or nil
end

-- Called when everything was compared and is as it should be. seen: the world as it was left, or nil; steps: of the
-- plan.
function M.keep(cluster, seen, steps)
  local waiting = {}
  for _, entry in ipairs(steps.groups) do
    waiting[entry.key] = entry.action == "wait" or nil
  end
  local proof = digest_of(cluster, seen)
  proven[cluster.uid] = proof and { digest = proof, waiting = waiting, direction = steps.direction } or nil
end

function M.forget(uid)
  proven[uid or ""] = nil
end

return M
