-- Spares a run the work when nothing that it would compare has changed since it was last compared.
--
-- The proof is one text over all that rendering reads and writing would touch: the policy, the Druid
-- object's generation, the versions of the owned objects, and of workloads, whose status changes all the
-- time, generation, labels and annotations. It is kept in memory and may be lost at any time: then the run
-- does the work. To turn it off, replace `of` by a function that gives nil.
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

-- The proof for the world as it is, or nil where it cannot be had: a workload is missing, or something is
-- read that is not in the caches.
function M.of(ctx, kube, cluster, live)
  local extra, finalizers = cluster.spec.extraCommonConfig, cluster.object.metadata.finalizers
  if (extra and #extra > 0) or not (finalizers or cluster.spec.disablePVCDeletionFinalizer) then
    return nil
  end
  local parts = { tostring(ctx.policy_version), tostring(cluster.generation), finalizers and json.encode(finalizers) or "" }
  for _, kind in ipairs(plain_kinds) do
    parts[#parts + 1] = kube.versions({ apiVersion = kind[1], kind = kind[2], namespace = cluster.namespace,
      owner = cluster.uid })
  end
  for _, group in ipairs(cluster.groups) do
    local workload = live.workloads[group.name]
    if not workload or group.node.persistentVolumeClaim then
      return nil
    end
    local metadata = workload.metadata
    parts[#parts + 1] = metadata.uid .. " " .. metadata.generation
    parts[#parts + 1] = json.encode(metadata.labels)
    parts[#parts + 1] = annotations_text(metadata.annotations)
  end
  parts[#parts + 1] = tostring(live.steering.frozen) .. tostring(live.steering.back)
  for _, name in ipairs(tables.keys(live.autoscaled)) do
    parts[#parts + 1] = name
  end
  return table.concat(parts, "\n")
end

-- What was kept with a proof that still holds: { waiting =, direction = }; or nil.
function M.holds(cluster, proof)
  local known = proof and proven[cluster.uid]
  return known and known.digest == digest.sha256(proof) and known or nil
end

-- Called when everything was compared and nothing had to be written. proof: as it was before, or nil; steps: of the plan.
function M.keep(cluster, proof, steps)
  local waiting = {}
  for _, entry in ipairs(steps.groups) do
    waiting[entry.key] = entry.action == "wait" or nil
  end
  proven[cluster.uid] = proof and { digest = digest.sha256(proof), waiting = waiting, direction = steps.direction } or nil
end

function M.forget(uid)
  proven[uid or ""] = nil
end

return M
