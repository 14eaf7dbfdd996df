local restoring = require "druid.rollout.restoring"

-- A group whose tasks can be restored, after `change` of its node and its cluster; what is said of it.
local function judged(change)
  local node = { terminationGracePeriodSeconds = 400, ["runtime.properties"] =
    "druid.indexer.task.restoreTasksOnRestart=true\ndruid.worker.baseTaskDirs=[\"/data/task\"]",
    volumeClaimTemplates = { { metadata = { name = "data" } } }, volumeMounts = { { name = "data", mountPath = "/data" } } }
  local cluster = { spec = { image = "apache/druid:33.0.0", services = { { spec = { clusterIP = "None" } } } } }
  local group = { key = "mm", kind = "StatefulSet", node = node }
  change(node, cluster.spec, group)
  return restoring.judge(cluster, group)
end

local function needs(words)
  return "strategy restore needs " .. words .. "; its workers are emptied instead"
end

local on = "druid.indexer.task.restoreTasksOnRestart=true\n"

return {
  ["what Druid needs for restoring is enough"] = function(t)
    t.equal({ judged(function() end) }, {})
  end,
  ["restoring has to be switched on, and needs time"] = function(t)
    t.equal(judged(function(node)
      node.terminationGracePeriodSeconds = 30
      node["runtime.properties"] = node["runtime.properties"]:gsub("=true", "=false")
    end), needs("druid.indexer.task.restoreTasksOnRestart=true, terminationGracePeriodSeconds of 330 or more"))
    t.equal(judged(function(node) node.env = { { name = "druid_indexer_task_restoreTasksOnRestart", value = "false" } } end),
      needs("druid.indexer.task.restoreTasksOnRestart=true"))
  end,
  ["the tasks' folder has to lie on a claim, whatever else does"] = function(t)
    local function folder(text, more)
      return judged(function(node, spec)
        node["runtime.properties"] = on .. text
        if more then more(node, spec) end
      end)
    end
    local stays = "a volume that stays for the tasks' folder: "
    t.equal(folder('druid.worker.baseTaskDirs=["/data/a","/other/b"]'), needs(stays .. "/other/b is on no volume"))
    t.equal(folder("druid.indexer.task.baseTaskDir=/database/task"), needs(stays .. "/database/task is on no volume"))
    t.equal(folder("druid.indexer.task.baseTaskDir=/data/task"), nil)
    t.equal(folder("druid.indexer.task.baseDir=/tmp/"), needs(stays .. "/tmp/persistent/task is on no volume"))
    t.equal(folder("", function(node) node["extra.jvm.options"] = "-Xmx1g\n-Djava.io.tmpdir=/tmp" end),
      needs(stays .. "/tmp/persistent/task is on no volume"))
    t.equal(folder("", function(_, spec) spec["jvm.options"] = "-Djava.io.tmpdir=/data/tmp -Xmx1g" end), nil)
    t.equal(folder("druid.indexer.task.baseTaskDir=/data/task", function(node)
      node.volumes = { { name = "scratch", emptyDir = {} } }
      table.insert(node.volumeMounts, { name = "scratch", mountPath = "/data/task/" })
    end), needs(stays .. "/data/task is on volume scratch (emptyDir), which goes with its pod"))
    t.equal(folder("druid.indexer.task.baseTaskDir=/work", function(_, spec)
      spec.volumes = { { name = "work", persistentVolumeClaim = { claimName = "shared" } } }
      spec.volumeMounts = { { name = "work", mountPath = "/work" } }
    end), nil)
    t.equal(folder("druid.indexer.task.baseTaskDir=var/druid/task", function(node)
      node.volumeMounts[1].mountPath = "/opt/druid/var"
    end), nil)
    t.equal(judged(function(node) node.env = { { name = "druid_worker_baseTaskDirs", value = '["/tmp/task"]' } } end),
      needs(stays .. "/tmp/task is on no volume"))
    t.equal(judged(function(_, _, group) group.kind = "Deployment" end),
      needs("a StatefulSet with a volume for the tasks' folder"))
  end,
  ["a folder that cannot be found out is a doubt, and is no lack"] = function(t)
    local function doubt(text, more)
      local lacks, doubts = judged(function(node, spec)
        node["runtime.properties"] = on .. text
        if more then more(node, spec) end
      end)
      t.equal(lacks, nil)
      return doubts
    end
    t.equal(doubt(""), "strategy restore: druid.worker.baseTaskDirs is not set, so the folder of tasks is in the JVM's folder "
      .. "for what is temporary")
    t.equal(doubt("druid.worker.baseTaskDirs=[3]"), "strategy restore: druid.worker.baseTaskDirs is no JSON list of folders")
    t.ok(doubt("druid.indexer.task.baseTaskDir=var/task"):find("var/task is on no volume if the image runs Druid in /opt/druid"))
    t.ok(doubt("druid.indexer.task.baseTaskDir=${env:HOME}/task"):find("is not known", 1, true))
    t.ok(doubt("", function(node)
      node.env = { { name = "druid_worker_baseTaskDirs", valueFrom = { configMapKeyRef = { name = "x", key = "y" } } } }
    end):find("is in druid_worker_baseTaskDirs, from elsewhere", 1, true))
    t.ok(doubt("druid.indexer.task.baseTaskDir=/disk/task", function(node)
      node.volumes = { { name = "disk", hostPath = { path = "/disk" } } }
      table.insert(node.volumeMounts, { name = "disk", mountPath = "/disk" })
    end):find("whether /disk/task on volume disk is there again", 1, true))
  end,
  ["the host name has to stay"] = function(t)
    local function named(change)
      return judged(change)
    end
    local function by(who)
      return needs("a host name that stays (" .. who .. " makes it the pod's address)")
    end
    local ip = { name = "POD_IP", valueFrom = { fieldRef = { fieldPath = "status.podIP" } } }
    t.equal(named(function(_, spec) spec.env = { { name = "DRUID_SET_HOST_IP", value = "1" } } end), by("DRUID_SET_HOST_IP"))
    t.equal(named(function(node) node.env = { { name = "druid_host", valueFrom = ip.valueFrom } } end), by("druid_host"))
    t.equal(named(function(node) node.env = { ip, { name = "druid_host", value = "$(POD_IP)" } } end), by("druid_host"))
    t.equal(named(function(node, spec)
      node.env, spec["common.runtime.properties"] = { ip }, "druid.host=${env:POD_IP}"
    end), by("druid.host"))
    t.equal(named(function(_, spec) spec.image = "registry.example:5000/apache/druid:31.0.1" end),
      by("image registry.example:5000/apache/druid:31.0.1"))
    local none = needs("a headless Service (clusterIP: None) as the group's first, which gives its pods their names")
    t.equal(named(function(_, spec) spec.services = { { spec = { type = "ClusterIP" } } } end), none)
    t.equal(named(function(node) node.services = {} end), none)
    t.equal({ named(function(node, spec)
      spec.services = nil
      node.env = { { name = "druid_host", valueFrom = { fieldRef = { fieldPath = "metadata.name" } } } }
    end) }, {})
    t.equal({ named(function(_, spec)
      spec.image, spec.env = "apache/druid:31.0.1", { { name = "DRUID_SET_HOST", value = "0" } }
    end) }, {})
    for _, image in ipairs({ "ours/druid:31.0.1", "ours/druid:blue" }) do
      local lacks, doubts = named(function(_, spec) spec.image = image end)
      t.equal({ lacks == nil, doubts }, { true, "strategy restore: whether the host name stays is not known, for image "
        .. image .. " gives it" })
    end
    local lacks, doubts = named(function(_, spec) spec["common.runtime.properties"], spec.env = "druid.host=${sys:where}",
      { { name = "DRUID_SET_HOST", value = "0" } } end)
    t.equal({ lacks == nil, doubts }, { true, "strategy restore: whether the host name stays is not known, for druid.host "
      .. "gives it" })
  end,
}
