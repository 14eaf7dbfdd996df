-- Decides which volume claims belong to a cluster, and which of them nobody will use again. Pure.
--
-- A claim is ours when it was made from a template of one of our StatefulSets ("<template>-<set>-<n>"
-- with the set's label) or has the Druid object as its controller. It is an orphan only when its own
-- StatefulSet exists, has at least one replica and a complete status, and its ordinal lies beyond the
-- replicas and beyond what an autoscaler may ask for. Never because no pod mounts it; never when the set is
-- parked at 0 or gone.
--
-- volumeRetention, of the group or the cluster, says what becomes of them. Orphans are kept unless whenScaled is
-- Delete: then one is marked, and deleted `after` that. deleteOrphanPvc: true, which stored objects have by
-- default, deletes nothing alone. Override M.retention to decide otherwise.

local durations = require "lib.duration"
local lib_names = require "lib.names"
local names = require "druid.names"
local owner = require "lib.owner"
local quantity = require "lib.quantity"
local tables = require "lib.tables"

local M = {}

M.after_s = 3600
M.since = "nemeton.dev/orphan-since"   -- annotation: seconds; ours, so a foreign mark starts anew
M.goes_at = "nemeton.dev/goes-at"      -- annotation: when that will be, for people and `nemeton plan`
M.stays = "nemeton.dev/stays"          -- annotation: why it was not let go when it was due; tried again at goes_at
M.refused_s = 600

local function label(claim, name)
  return claim.metadata.labels and claim.metadata.labels[name]
end

-- Kubernetes itself makes the set or its pod the controller of a claim that it is told to delete with them.
local function is_of_set(controller, set)
  return set ~= nil and (controller.kind == "StatefulSet" and controller.name == set
    or controller.kind == "Pod" and controller.name:sub(1, #set + 1) == set .. "-")
end

-- "template" with the set's name and the ordinal, "owned", or nil when it is not this cluster's.
function M.origin(cluster, claim)
  local controller = owner.controller(claim)
  if controller and controller.uid == cluster.uid then
    return "owned"
  end
  local set = label(claim, "nodeSpecUniqueStr")
  if controller and not is_of_set(controller, set) then
    return nil   -- it bears our labels and is somebody else's
  end
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

-- What becomes of volumes: { deleted = when the cluster goes, scaled = when their ordinal does, told = whether
-- anybody said so, after_s = }. group: nil for one that is not in the spec any more.
function M.retention(cluster, group)
  local all, own = cluster.spec.volumeRetention or {}, group and tables.dig(group.node, "volumeRetention") or {}
  local deleted = tables.text(own.whenDeleted) or tables.text(all.whenDeleted)
  local scaled = tables.text(own.whenScaled) or tables.text(all.whenScaled)
  return {
    deleted = deleted or (cluster.spec.disablePVCDeletionFinalizer and "Retain" or "Delete"),
    scaled = cluster.spec.deleteOrphanPvc == false and "Retain" or scaled or "Retain",
    told = scaled ~= nil or cluster.spec.deleteOrphanPvc == false,
    after_s = durations.seconds(tables.text(own.after) or tables.text(all.after)) or M.after_s,
  }
end

-- The most replicas that a group's autoscaler may ask for; 0 without one that is declared here.
local function autoscaler_max(group)
  return group and group.node.hpAutoscaler and math.tointeger(group.node.hpAutoscaler.maxReplicas) or 0
end

-- True when the claim's ordinal lies beyond the replicas of its own set, and beyond `most`, which autoscalers that others
-- made may ask for.
local function beyond(set, group, ordinal, most)
  if not set or set.metadata.deletionTimestamp then
    return false
  end
  local status, replicas = set.status or {}, set.spec.replicas or 1
  local start = set.spec.ordinals and set.spec.ordinals.start or 0
  return replicas > 0 and (status.observedGeneration or 0) >= (set.metadata.generation or 0)
    and (status.replicas or 0) == replicas
    and ordinal >= start + math.max(replicas, autoscaler_max(group), most or 0)
end

-- How an orphan is: what it says, when it goes, and whether that is said right.
local function fate(claim, retention, now)
  local annotations = claim.metadata.annotations or {}
  local since = math.tointeger(tonumber(annotations[M.since] or ""))
  local marked = since ~= nil and label(claim, "toBeDeleted") ~= nil
  since = marked and since or now
  local at = since + retention.after_s
  local told = clock.parse(annotations[M.goes_at] or "")
  if marked and annotations[M.stays] and told then
    at = math.max(at, told)   -- it was refused, and is asked for again then
  end
  return { claim = claim, since = since, at = at, after_s = retention.after_s, new = not marked,
    right = marked and told == at, stays = annotations[M.stays] }
end

-- sets: { [name] = { live =, group =, most = replicas that autoscalers may ask for, or nil } }.
-- Gives { mark = list of { claim =, since =, at =, after_s =, new = }, unmark = claims, delete = list like mark,
-- kept = names of orphans that nobody decided about,
-- wait_s = until the next is due or nil }.
function M.orphans(cluster, claims, sets, now)
  local result = { mark = {}, unmark = {}, delete = {}, kept = {} }
  for _, claim in ipairs(claims) do
    local origin, set_name, ordinal = M.origin(cluster, claim)
    if origin == "template" and not claim.metadata.deletionTimestamp then
      local set = sets[set_name] or {}
      local retention = M.retention(cluster, set.group)
      local orphan = beyond(set.live, set.group, ordinal, set.most)
      if orphan and not retention.told then
        table.insert(result.kept, claim.metadata.name)
      end
      if not orphan or retention.scaled ~= "Delete" then
        if label(claim, "toBeDeleted") then
          table.insert(result.unmark, claim)
        end
      else
        local one = fate(claim, retention, now)
        if not one.new and one.at <= now then
          table.insert(result.delete, one)
        else
          table.insert(result.mark, not one.right and one or nil)
          result.wait_s = math.min(result.wait_s or one.at - now, one.at - now)
        end
      end
    end
  end
  return result
end

-- How far a claim is that was asked to grow: { name =, from =, to =, phase =, message = }, or nil when it has its size.
function M.resize(claim)
  local status = claim.status or {}
  local to = tables.dig(claim, "spec", "resources", "requests", "storage")
  local from = tables.dig(status, "capacity", "storage")
  if status.phase ~= "Bound" or claim.metadata.deletionTimestamp or not from or not quantity.less(from, to) then
    return nil
  end
  local row = { name = claim.metadata.name, from = from, to = to, phase = "Asked" }
  for _, one in ipairs(status.conditions or {}) do
    if one.status == "True" and (one.type == "FileSystemResizePending" or one.type == "Resizing") then
      -- Pending comes last: only the node has something to do then.
      row.phase = row.phase == "FileSystemResizePending" and row.phase or one.type
      row.message = tables.text(one.message)
    end
  end
  local told = tables.text(tables.dig(status, "allocatedResourceStatuses", "storage"), status.resizeStatus) or ""
  if told:find("Infeasible", 1, true) or told:find("Failed", 1, true) then
    row.phase = "Failed"
  end
  return row
end

-- Those of a cluster that grow, by their names; at most 20.
function M.resizing(cluster, claims)
  local list = {}
  for _, claim in ipairs(claims) do
    local row = #list < 20 and M.origin(cluster, claim) and M.resize(claim)
    if row then
      list[#list + 1] = row
    end
  end
  return list
end

-- A set can be told to have Kubernetes delete its volumes by itself, with neither a delay nor a proof. No set of ours is;
-- where somebody else said so, that stays. A condition that is there only then, or nil. entries: of the plan.
function M.left_to_kubernetes(entries)
  for _, entry in ipairs(entries) do
    local policy, told = tables.dig(entry.live, "spec", "persistentVolumeClaimRetentionPolicy") or {}, {}
    for _, when in ipairs({ "whenDeleted", "whenScaled" }) do
      told[#told + 1] = policy[when] == "Delete" and when .. ": Delete" or nil
    end
    if #told > 0 then
      return { type = "VolumesLeftToKubernetes", status = "True", reason = "RetentionPolicyOfTheSet",
        message = string.format("StatefulSet %s has persistentVolumeClaimRetentionPolicy {%s}, which Nemeton did not write and "
          .. "respects: Kubernetes deletes its volumes then, whatever volumeRetention says. To end that, set it to Retain",
          entry.live.metadata.name, table.concat(told, ", ")) }
    end
  end
  return nil
end

-- volumeRetention.whenScaled: Delete that deleteOrphanPvc: false keeps from having any effect: words, or nil.
function M.without_effect(cluster)
  local fields = {}
  if cluster.spec.deleteOrphanPvc ~= false then
    return nil
  elseif tables.dig(cluster.spec, "volumeRetention", "whenScaled") == "Delete" then
    fields[1] = "spec.volumeRetention.whenScaled"
  end
  for _, group in ipairs(cluster.groups) do
    if tables.dig(group.node, "volumeRetention", "whenScaled") == "Delete" then
      fields[#fields + 1] = "spec.nodes." .. group.key .. ".volumeRetention.whenScaled"
    end
  end
  if #fields == 0 then
    return nil
  end
  return string.format("%s: Delete has no effect while deleteOrphanPvc is false: volumes that are scaled away are kept",
    table.concat(fields, ", ")), "leave deleteOrphanPvc out, or write whenScaled: Retain", fields[1]
end

-- The same as a condition that is there only then, or nil.
function M.contradiction(cluster)
  local words, remedy = M.without_effect(cluster)
  return words and { type = "VolumesKept", status = "True", reason = "DeleteOrphanPvcIsFalse",
    message = lib_names.cut(words .. ". To end that, " .. remedy, 1000) } or nil
end

-- Whether the gate let a claim not go because somebody uses or wants it; not because it could not find that out.
function M.is_used(err)
  return err.reason == "VolumeInUse" and not err.message:find("cannot read", 1, true)
end

-- Merge patches that set the mark, put it off for a claim that was refused, and remove it.
function M.mark_patch(mark)
  return { metadata = {
    labels = { toBeDeleted = "yes", deletionTS = tostring(mark.since) },
    annotations = { [M.since] = tostring(mark.since), [M.goes_at] = clock.rfc3339(mark.at) },
  } }
end

function M.stays_patch(words, now)
  return { metadata = { annotations = { [M.stays] = words, [M.goes_at] = clock.rfc3339(now + M.refused_s) } } }
end

function M.unmark_patch()
  return { metadata = {
    labels = { toBeDeleted = json.null, deletionTS = json.null },
    annotations = { [M.since] = json.null, [M.goes_at] = json.null, [M.stays] = json.null },
  } }
end

-- Claims to delete with the cluster: its own, unless they are to be kept.
function M.of_cluster(cluster, claims)
  local mine, group_of = {}, {}
  for _, group in ipairs(cluster.groups) do
    group_of[group.name] = group
    for _, claim in ipairs(tables.dig(group.node, "persistentVolumeClaim") or {}) do
      group_of[tables.text(tables.dig(claim, "metadata", "name")) or group.name] = group
    end
  end
  for _, claim in ipairs(claims) do
    local origin, set = M.origin(cluster, claim)
    local group = group_of[set or claim.metadata.name]
    if origin and M.retention(cluster, group).deleted == "Delete" then
      mine[#mine + 1] = claim
    end
  end
  return mine
end

return M
