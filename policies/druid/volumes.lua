-- Decides which volume claims belong to a cluster, and which of them nobody will use again. Pure.
--
-- A claim is ours when it was made from a template of one of our StatefulSets ("<template>-<set>-<n>"
-- with the set's label) or has the Druid object as its controller. It is an orphan only when its own
-- StatefulSet exists, has at least one replica and a complete status, and its ordinal lies beyond the
-- replicas. Never because no pod mounts it; never when the set is parked at 0 or gone.
-- spec.deleteOrphanPvc: false keeps orphans. An orphan is marked first and deleted `grace_s` later.

local names = require "druid.names"
local owner = require "lib.owner"

local M = {}

M.grace_s = 60
M.since = "nemeton.dev/orphan-since"   -- annotation: seconds; ours, so a foreign mark starts anew

local function label(claim, name)
  return claim.metadata.labels and claim.metadata.labels[name]
end

-- "template" with the set's name and the ordinal, "owned", or nil when it is not this cluster's.
function M.origin(cluster, claim)
  local controller = owner.controller_uid(claim)
  if controller == cluster.uid then
    return "owned"
  end
  local set = label(claim, "nodeSpecUniqueStr")
  local prefix = names.unique(cluster.name, "")
  if label(claim, "druid_cr") ~= cluster.name or not set or set:sub(1, #prefix) ~= prefix then
    return nil
  end
  local template, ordinal = names.claim_parts(claim.metadata.name, set)
  if not template then
    return nil
  end
  return "template", set, ordinal
end

-- True when the claim's ordinal lies beyond the replicas of its own set. sets: { [name] = live }.
local function beyond(set, ordinal)
  if not set or set.metadata.deletionTimestamp then
    return false
  end
  local status, replicas = set.status or {}, set.spec.replicas or 1
  local start = set.spec.ordinals and set.spec.ordinals.start or 0
  return replicas > 0 and (status.observedGeneration or 0) >= (set.metadata.generation or 0)
    and (status.replicas or 0) == replicas and ordinal >= start + replicas
end

-- Gives { mark =, unmark =, delete = lists of claims, wait_s = until the next is due or nil }.
function M.orphans(cluster, claims, sets, now)
  local result = { mark = {}, unmark = {}, delete = {} }
  for _, claim in ipairs(claims) do
    local origin, set_name, ordinal = M.origin(cluster, claim)
    if origin == "template" and not claim.metadata.deletionTimestamp then
      local since = math.tointeger(tonumber((claim.metadata.annotations or {})[M.since] or ""))
      if not beyond(sets[set_name], ordinal) then
        if label(claim, "toBeDeleted") then
          table.insert(result.unmark, claim)
        end
      elseif not since or not label(claim, "toBeDeleted") then
        table.insert(result.mark, claim)
        result.wait_s = math.min(result.wait_s or M.grace_s, M.grace_s)
      elseif now - since >= M.grace_s then
        table.insert(result.delete, claim)
      else
        local left = since + M.grace_s - now
        result.wait_s = math.min(result.wait_s or left, left)
      end
    end
  end
  return result
end

-- Merge patches that set and remove the mark.
function M.mark_patch(now)
  return { metadata = {
    labels = { toBeDeleted = "yes", deletionTS = tostring(now) },
    annotations = { [M.since] = tostring(now) },
  } }
end

function M.unmark_patch()
  return { metadata = {
    labels = { toBeDeleted = json.null, deletionTS = json.null },
    annotations = { [M.since] = json.null },
  } }
end

-- Claims to delete with the cluster: all of its own.
function M.of_cluster(cluster, claims)
  local mine = {}
  for _, claim in ipairs(claims) do
    if M.origin(cluster, claim) then
      mine[#mine + 1] = claim
    end
  end
  return mine
end

return M
