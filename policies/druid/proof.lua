-- Spares a run the work when nothing that it would compare has changed since it was last compared.
--
-- The proof is one text over all that rendering reads and writing would touch: the policy, the Druid
-- object's generation, the versions of the owned objects, and of workloads, whose status changes all the
-- time, generation, labels and annotations. It is kept in memory and may be lost at any time: then the run
-- does the work. To turn it off, replace `of` by a function that gives nil.

local tables = require "lib.tables"

local M = {}

local proven = {}   -- uid of the Druid object = its proof

local plain_kinds = {
  { "v1", "ConfigMap" }, { "v1", "Service" }, { "networking.k8s.io/v1", "Ingress" },
  { "policy/v1", "PodDisruptionBudget" }, { "autoscaling/v2", "HorizontalPodAutoscaler" },
}

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
    parts[#parts + 1] = metadata.annotations and json.encode(metadata.annotations) or ""
  end
  parts[#parts + 1] = tostring(live.steering.frozen) .. tostring(live.steering.back)
  for _, name in ipairs(tables.keys(live.autoscaled)) do
    parts[#parts + 1] = name
  end
  return table.concat(parts, "\n")
end

function M.holds(cluster, proof)
  return proof ~= nil and proven[cluster.uid] == digest.sha256(proof)
end

-- Called when everything was compared and nothing had to be written. proof: as it was before.
function M.keep(cluster, proof)
  proven[cluster.uid] = proof and digest.sha256(proof)
end

function M.forget(uid)
  proven[uid or ""] = nil
end

return M
