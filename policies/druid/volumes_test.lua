local advice = require "druid.advice"
local names = require "druid.names"
local report = require "druid.report"
local volumes = require "druid.volumes"
local world = require "druid.world"

local cluster = { name = "a", uid = "u1", groups = {},
  spec = { deleteOrphanPvc = true, volumeRetention = { whenScaled = "Delete", after = "1m" } } }

local function asking(spec)
  return { name = "a", uid = "u1", groups = {}, spec = spec }
end

local function claim(name, set, since)
  local labels = { app = "druid", druid_cr = "a", nodeSpecUniqueStr = set }
  local annotations
  if since then
    labels.toBeDeleted, labels.deletionTS = "yes", since
    annotations = { [volumes.since] = since, [volumes.goes_at] = clock.rfc3339(tonumber(since) + 60) }
  end
  return { metadata = { name = name, labels = labels, annotations = annotations } }
end

local function sets(replicas, status)
  return { ["druid-a-hot"] = { group = { name = "druid-a-hot", node = {} }, live = {
    metadata = { generation = 1 }, spec = { replicas = replicas },
    status = status or { observedGeneration = 1, replicas = replicas } } } }
end

local function listed(list)
  local all = {}
  for i, one in ipairs(list) do
    all[i] = (one.claim or one).metadata.name
  end
  return table.concat(all, " ")
end

local function growing(status)
  return volumes.resize({ metadata = { name = "data-druid-a-hot-0" }, status = status,
    spec = { resources = { requests = { storage = "20Gi" } } } })
end

return {
  ["a claim that grows says how far it is, and nothing when it is done"] = function(t)
    local function row(conditions, told)
      local got = growing({ phase = "Bound", capacity = { storage = "10Gi" }, conditions = conditions,
        allocatedResourceStatuses = told and { storage = told } })
      t.equal(got.from .. " " .. got.to, "10Gi 20Gi")
      return got.phase
    end
    local pending = { type = "FileSystemResizePending", status = "True", message = "waits for its pod" }
    t.equal(row(nil), "Asked")
    t.equal(row({ { type = "Resizing", status = "True" } }), "Resizing")
    t.equal(row({ pending, { type = "Resizing", status = "True" } }), "FileSystemResizePending")
    t.equal(row(nil, "ControllerResizeInfeasible"), "Failed")
    t.equal(growing({ phase = "Bound", capacity = { storage = "20Gi" } }), nil)
    t.equal(growing({ phase = "Pending" }), nil)
  end,
  ["a set whose volumes Kubernetes deletes itself is named, by whoever's hand that is"] = function(t)
    local function told(policy)
      local found = volumes.left_to_kubernetes({ {}, { live = { metadata = { name = "hot" },
        spec = { persistentVolumeClaimRetentionPolicy = policy } } } })
      return found and found.message:match("Policy {(.-)}")
    end
    t.equal(told(nil), nil)
    t.equal(told({ whenDeleted = "Retain", whenScaled = "Retain" }), nil)
    t.equal(told({ whenDeleted = "Delete", whenScaled = "Retain" }), "whenDeleted: Delete")
    t.equal(told({ whenDeleted = "Delete", whenScaled = "Delete" }), "whenDeleted: Delete, whenScaled: Delete")
  end,
  ["a claim's name tells its template and ordinal"] = function(t)
    local template, ordinal = names.claim_parts("data-volume-druid-a-hot-12", "druid-a-hot")
    t.equal(template, "data-volume")
    t.equal(ordinal, 12)
    t.equal(names.claim_parts("data-druid-a-hot2-1", "druid-a-hot"), nil)
    t.equal(names.claim_parts("druid-a-hot-1", "druid-a-hot"), nil)
  end,
  ["claims beyond the replicas are marked, then deleted after the grace"] = function(t)
    local list = { claim("d-druid-a-hot-0", "druid-a-hot"), claim("d-druid-a-hot-1", "druid-a-hot"),
      claim("d-druid-a-hot-2", "druid-a-hot", "900"), claim("d-druid-a-hot-3", "druid-a-hot", "990") }
    local orphans = volumes.orphans(cluster, list, sets(1), 1000)
    t.equal(listed(orphans.mark), "d-druid-a-hot-1")
    t.equal(listed(orphans.delete), "d-druid-a-hot-2")
    t.equal(orphans.wait_s, 50)
  end,
  ["a mark that somebody else made starts the clock anew"] = function(t)
    local foreign = claim("d-druid-a-hot-1", "druid-a-hot", "1")
    foreign.metadata.annotations = nil
    t.equal(listed(volumes.orphans(cluster, { foreign }, sets(1), 1000).mark), "d-druid-a-hot-1")
  end,
  ["a mark says when its claim goes, also when that has changed, and the clock goes on"] = function(t)
    local list = { claim("d-druid-a-hot-1", "druid-a-hot", "990"), claim("d-druid-a-hot-2", "druid-a-hot") }
    local slow = asking({ volumeRetention = { whenScaled = "Delete", after = "10m" } })
    local orphans = volumes.orphans(slow, list, sets(1), 1000)
    t.equal(listed(orphans.mark), "d-druid-a-hot-1 d-druid-a-hot-2")
    t.equal({ orphans.mark[1].new, orphans.mark[2].new }, { false, true })
    local patch = volumes.mark_patch(orphans.mark[1]).metadata
    t.equal({ patch.annotations[volumes.since], patch.annotations[volumes.goes_at] }, { "990", clock.rfc3339(1590) })
    t.equal(#orphans.delete, 0)
  end,
  ["a claim that is wanted again is unmarked"] = function(t)
    local list = { claim("d-druid-a-hot-0", "druid-a-hot", "1") }
    local orphans = volumes.orphans(cluster, list, sets(1), 1000)
    t.equal(listed(orphans.unmark), "d-druid-a-hot-0")
    t.equal(#orphans.delete, 0)
  end,
  ["nothing is deleted when the set is gone, parked, or not up to date"] = function(t)
    local list = { claim("d-druid-a-hot-5", "druid-a-hot", "1") }
    for _, there in ipairs({ {}, sets(0), sets(2, { observedGeneration = 0, replicas = 2 }),
                             sets(2, { observedGeneration = 1, replicas = 6 }) }) do
      local orphans = volumes.orphans(cluster, list, there, 1000)
      t.equal(#orphans.delete, 0)
      t.equal(#orphans.mark, 0)
    end
  end,
  ["volumes that were scaled away are kept unless somebody wrote that they go"] = function(t)
    local list = { claim("d-druid-a-hot-1", "druid-a-hot"), claim("d-druid-a-hot-2", "druid-a-hot", "1") }
    local told = { whenScaled = "Retain" }
    for _, spec in ipairs({ {}, { deleteOrphanPvc = true }, { deleteOrphanPvc = false }, { volumeRetention = told },
                            { deleteOrphanPvc = false, volumeRetention = { whenScaled = "Delete" } } }) do
      local orphans = volumes.orphans(asking(spec), list, sets(1), 100000)
      t.equal(#orphans.mark + #orphans.delete, 0)
      t.equal(listed(orphans.unmark), "d-druid-a-hot-2")
      local undecided = spec.deleteOrphanPvc ~= false and not spec.volumeRetention
      t.equal(#orphans.kept, undecided and 2 or 0)
    end
  end,
  ["a group says more than its cluster, field by field"] = function(t)
    local group = { node = { volumeRetention = { whenScaled = "Delete" } } }
    local both = volumes.retention(asking({ volumeRetention = { whenDeleted = "Retain", after = "2h" } }), group)
    t.equal(both.scaled, "Delete")
    t.equal(both.deleted, "Retain")
    t.equal(both.after_s, 7200)
    t.equal(volumes.retention(asking({}), group).after_s, 3600)
    t.equal(volumes.retention(asking({ disablePVCDeletionFinalizer = true }), nil).deleted, "Retain")
    t.equal(volumes.retention(asking({}), nil).deleted, "Delete")
  end,
  ["an ordinal that the autoscaler may ask for again is no orphan"] = function(t)
    local there = sets(1)
    there["druid-a-hot"].group.node = { hpAutoscaler = { maxReplicas = 3 } }
    local list = { claim("d-druid-a-hot-2", "druid-a-hot"), claim("d-druid-a-hot-3", "druid-a-hot") }
    t.equal(listed(volumes.orphans(cluster, list, there, 1000).mark), "d-druid-a-hot-3")
  end,
  ["… nor is one that an autoscaler of somebody else may ask for, whatever made that"] = function(t)
    local there = sets(1)
    there["druid-a-hot"].most = 3
    local list = { claim("d-druid-a-hot-2", "druid-a-hot", "1"), claim("d-druid-a-hot-3", "druid-a-hot") }
    local orphans = volumes.orphans(cluster, list, there, 1000)
    t.equal(listed(orphans.mark), "d-druid-a-hot-3")
    t.equal(listed(orphans.unmark), "d-druid-a-hot-2")
    local kube = { list = function()
      return { { spec = { scaleTargetRef = { kind = "StatefulSet", name = "druid-a-hot" }, maxReplicas = 7 } },
        { spec = { scaleTargetRef = { kind = "StatefulSet", name = "druid-a-hot" }, maxReplicas = 4 } } }
    end }
    t.equal(world.autoscaled(kube, { namespace = "n", groups = {} }), { ["StatefulSet/druid-a-hot"] = 7 })
  end,
  ["an orphan that somebody uses stays, says so once, and is tried again without a failure"] = function(t)
    local function try(row, err)
      local told, done = {}, { deleted = {} }
      local ctx = { delete = function() return err == nil, err end, event = function(event) told[#told + 1] = event.message end,
        patch = function(target, patch)
          for key, value in pairs(patch.metadata.annotations) do target.metadata.annotations[key] = value end
          return true
        end }
      local wait_s = report.delete_orphan(ctx, row, 1000, done)
      return wait_s, done, told
    end
    local one = claim("d-druid-a-hot-1", "druid-a-hot", "900")
    local due = volumes.orphans(cluster, { one }, sets(1), 1000).delete[1]
    local in_use = { code = "refused", reason = "VolumeInUse", message = "d-druid-a-hot-1 stays: pod `x` uses it" }
    local wait_s, done, told = try(due, in_use)
    t.equal({ wait_s, done.failure == nil, #told }, { 600, true, 1 })
    t.ok(told[1]:find("pod `x` uses it. It was scaled away", 1, true), told[1])
    local later = volumes.orphans(cluster, { one }, sets(1), 1599)
    t.equal({ #later.mark, #later.delete, later.wait_s }, { 0, 0, 1 })
    due = volumes.orphans(cluster, { one }, sets(1), 1600).delete[1]
    wait_s, done, told = try(due, in_use)
    t.equal({ wait_s, done.failure == nil, #told }, { 600, true, 0 })
    wait_s, done, told = try(due, nil)
    t.equal({ wait_s == nil, #done.deleted, #told }, { true, 1, 0 })
    for _, err in ipairs({ { code = "network", message = "lost" },
      { code = "refused", reason = "VolumeInUse", message = "cannot read who uses the volume: lost" } }) do
      wait_s, done, told = try(due, err)
      t.equal({ wait_s == nil, done.failure.code, #told }, { true, err.code, 0 })
    end
    t.equal(volumes.unmark_patch().metadata.annotations[volumes.stays], json.null)
  end,
  ["deleteOrphanPvc: false keeps volumes against a whenScaled: Delete that is written, and that is said"] = function(t)
    local function said(spec, own)
      local one = asking(spec)
      one.groups = { { key = "hot", node = { volumeRetention = own } } }
      local condition = volumes.contradiction(one)
      return condition and condition.message:match("^(.-): Delete has no effect")
    end
    local delete = { whenScaled = "Delete" }
    t.equal(said({ deleteOrphanPvc = false, volumeRetention = delete }), "spec.volumeRetention.whenScaled")
    t.equal(said({ deleteOrphanPvc = false }, delete), "spec.nodes.hot.volumeRetention.whenScaled")
    t.equal(said({ deleteOrphanPvc = true, volumeRetention = delete }), nil)
    t.equal(said({ deleteOrphanPvc = false, volumeRetention = { whenScaled = "Retain" } }), nil)
    local list = advice.of({ groups = {}, spec = { deleteOrphanPvc = false, volumeRetention = delete } })
    t.equal(list[1].field, "spec.volumeRetention.whenScaled")
  end,
  ["with the cluster go the volumes of the groups that do not keep theirs"] = function(t)
    local keeps = { name = "druid-a-cold", node = { volumeRetention = { whenDeleted = "Retain" },
      persistentVolumeClaim = { { metadata = { name = "alone" } } } } }
    local one = { name = "a", uid = "u1", groups = { keeps }, spec = {} }
    local alone = { metadata = { name = "alone", labels = { druid_cr = "a" },
      ownerReferences = { { uid = "u1", controller = true } } } }
    t.equal(listed(volumes.of_cluster(one, { claim("d-druid-a-hot-0", "druid-a-hot"),
      claim("d-druid-a-cold-0", "druid-a-cold"), alone })), "d-druid-a-hot-0")
  end,
  ["claims of other clusters are never ours"] = function(t)
    local other = claim("d-druid-a-b-hot-0", "druid-a-b-hot")
    other.metadata.labels.druid_cr = "a-b"
    t.equal(volumes.origin(cluster, other), nil)
    local foreign = { metadata = { name = "x", labels = { druid_cr = "a" },
      ownerReferences = { { uid = "u2", controller = true } } } }
    t.equal(volumes.origin(cluster, foreign), nil)
    foreign.metadata.ownerReferences[1].uid = "u1"
    t.equal(volumes.origin(cluster, foreign), "owned")
  end,
  ["a claim with the labels of a set is somebody else's when its controller is; Kubernetes' own are none of those"] = function(t)
    local one = claim("d-druid-a-hot-0", "druid-a-hot")
    for kind, called in pairs({ StatefulSet = { "druid-a-hot", "druid-a-hot2" }, Pod = { "druid-a-hot-0", "druid-a-cold-0" } }) do
      one.metadata.ownerReferences = { { kind = kind, name = called[1], uid = "s", controller = true } }
      t.equal(volumes.origin(cluster, one), "template")
      one.metadata.ownerReferences[1].name = called[2]
      t.equal(volumes.origin(cluster, one), nil)
    end
    one.metadata.ownerReferences = { { kind = "Backup", name = "druid-a-hot", uid = "s", controller = true } }
    t.equal(volumes.origin(cluster, one), nil)
  end,
}
