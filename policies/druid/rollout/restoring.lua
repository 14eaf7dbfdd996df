-- Judges whether the tasks of a group of workers survive a restart of their pods (strategy `restore`). Pure.
--
-- Druid writes down what ran and runs it again, where it is told to, finds the folder of its tasks again, is given the time
-- to write, and comes back under the same host name. From the Druid object alone: what it rules out is a lack, and
-- such workers are emptied instead; what cannot be seen in it (a folder of the image, a volume of another kind) is a
-- doubt, which is said. Folders are looked for where Druid does: druid.worker.baseTaskDirs,
-- druid.indexer.task.baseTaskDir, druid.indexer.task.baseDir, java.io.tmpdir; variables that the image takes for
-- properties (druid_worker_baseTaskDirs) go before files. To override: `grace_s`, or add to `needs`.

local address = require "druid.client.address"
local tables = require "lib.tables"
local version = require "druid.version"

local M = {}

M.grace_s = 330   -- Druid's five minutes for tasks to persist, and some
M.home = "/opt/druid"   -- where the image runs Druid: what relative folders are relative to
M.named_since = { 33 }  -- from there on the image calls processes by their host names, before by their addresses

-- A variable of the group's Druid container, or nil.
local function variable(cluster, group, name)
  local found
  for _, one in ipairs(group.node.env or cluster.spec.env or {}) do
    found = one.name == name and one or found
  end
  return found
end

-- What a group has for a property; the second value: the variable that says it, where it is no plain text.
local function property(cluster, group, name)
  local said = variable(cluster, group, (name:gsub("%.", "_")))
  if said then
    return said.value, not said.value and said or nil
  end
  return address.property(cluster, group, name)
end

-- The folders of tasks, as they are written; or nil and why nobody knows.
local function folders(cluster, group)
  local list, elsewhere = property(cluster, group, "druid.worker.baseTaskDirs")
  if list then
    local read, good = json.decode(list), nil
    for _, folder in ipairs(type(read) == "table" and read or {}) do
      good = good ~= false and type(folder) == "string"
    end
    return good and read or nil, "druid.worker.baseTaskDirs is no JSON list of folders"
  end
  local folder, from = property(cluster, group, "druid.indexer.task.baseTaskDir")
  local base, of = property(cluster, group, "druid.indexer.task.baseDir")
  if elsewhere or from or not folder and of then
    return nil, "the folder of tasks is in " .. (elsewhere or from or of).name .. ", from elsewhere"
  elseif folder then
    return { folder }
  end
  local options = (tables.text(group.node["jvm.options"], cluster.spec["jvm.options"]) or "") .. "\n"
    .. (group.node["extra.jvm.options"] or "")
  base = base or options:match(".*%-Djava%.io%.tmpdir=(%S+)")   -- the last one wins
  if not base then
    return nil, "druid.worker.baseTaskDirs is not set, so the folder of tasks is in the JVM's folder for what is temporary"
  end
  return { (base:gsub("/*$", "")) .. "/persistent/task" }
end

-- Kinds of volumes that go with their pod.
local passing = { "emptyDir", "ephemeral", "configMap", "secret", "downwardAPI", "projected" }

-- The volume that a folder lies on: "claim"; "passing" with words; or nil, and words where that is not known.
local function volume_of(cluster, group, folder)
  local mount, longest = nil, -1
  for _, one in ipairs(tables.concat(cluster.spec.volumeMounts, group.node.volumeMounts)) do
    local path = (one.mountPath or ""):gsub("/*$", "")
    local inside = folder == path or folder:sub(1, #path + 1) == path .. "/"
    if inside and #path > longest then
      mount, longest = one, #path
    end
  end
  if not mount then
    return "passing", folder .. " is on no volume"
  end
  for _, claim in ipairs(tables.concat(cluster.spec.volumeClaimTemplates, group.node.volumeClaimTemplates)) do
    if (claim.metadata or {}).name == mount.name then
      return "claim"
    end
  end
  for _, volume in ipairs(tables.concat(cluster.spec.volumes, group.node.volumes)) do
    if volume.name == mount.name and volume.persistentVolumeClaim then
      return "claim"
    end
    for _, kind in ipairs(volume.name == mount.name and passing or {}) do
      if volume[kind] then
        return "passing", string.format("%s is on volume %s (%s), which goes with its pod", folder, mount.name, kind)
      end
    end
  end
  return nil, string.format("whether %s on volume %s is there again in the next pod is not known", folder, mount.name)
end

local function has_claims(cluster, group)
  return #tables.concat(cluster.spec.volumeClaimTemplates, group.node.volumeClaimTemplates) > 0
    or group.node.persistentVolumeClaim ~= nil
end

-- Each of these gives what is missing in words, or nil; and, as a second value, what is in doubt.
local function told_to(cluster, group)
  local said, elsewhere = property(cluster, group, "druid.indexer.task.restoreTasksOnRestart")
  if elsewhere then
    return nil, elsewhere.name .. " comes from elsewhere"
  end
  return said ~= "true" and "druid.indexer.task.restoreTasksOnRestart=true" or nil
end

local function keeps_folder(cluster, group)
  if group.kind ~= "StatefulSet" then
    return "a StatefulSet with a volume for the tasks' folder"
  end
  local list, unknown = folders(cluster, group)
  if not list then
    return nil, unknown
  end
  for _, written in ipairs(list) do
    local relative = written:sub(1, 1) ~= "/"
    local folder = (relative and M.home .. "/" or "") .. written
    if folder:find("${", 1, true) or folder:find("/../", 1, true) then
      return nil, "where " .. written .. " is, is not known"
    end
    local kind, words = volume_of(cluster, group, folder)
    if kind == "passing" and relative and has_claims(cluster, group) then
      return nil, written .. " is on no volume if the image runs Druid in " .. M.home
    elseif kind == "passing" then
      return "a volume that stays for the tasks' folder: " .. words
    elseif words then
      return nil, words
    end
  end
  return nil
end

local function has_time(_, group)
  return (group.node.terminationGracePeriodSeconds or 0) < M.grace_s
    and "terminationGracePeriodSeconds of " .. M.grace_s .. " or more" or nil
end

local addresses = { ["status.podIP"] = true, ["status.podIPs"] = true }
local depth_max = 5   -- of variables in variables

-- Whether a text, or what a variable gets from the pod, is the pod's address: true, false; nil when nobody knows.
local function is_address(cluster, group, one, depth)
  local path = tables.dig(one, "valueFrom", "fieldRef", "fieldPath")
  if path then
    return addresses[path] == true
  elseif not one.value then
    return nil
  end
  local name = one.value:match("%$%(([%w_]+)%)") or one.value:match("%${env:([%w_]+)")
  if name then
    local inner = depth < depth_max and variable(cluster, group, name)
    if not inner then
      return nil
    end
    return is_address(cluster, group, inner, depth + 1)
  elseif one.value:find("${", 1, true) then
    return nil
  end
  return false
end

-- Who says what a process calls itself: the variable druid_host, then the image unless it is told not to, then druid.host.
-- Gives whether that is the pod's address (nil: not known), who says it, and whether it is a name that the user made.
local function host_of(cluster, group)
  local own, sets = variable(cluster, group, "druid_host"), variable(cluster, group, "DRUID_SET_HOST")
  local written = address.property(cluster, group, "druid.host")
  if own then
    return is_address(cluster, group, own, 0), "druid_host", true
  elseif written and is_address(cluster, group, { value = written }, 0) then
    return true, "druid.host", true
  elseif sets and sets.value == "0" then
    local kind = false
    if written then
      kind = is_address(cluster, group, { value = written }, 0)
    end
    return kind, "druid.host", written ~= nil
  end
  local by_address = variable(cluster, group, "DRUID_SET_HOST_IP")
  if by_address and by_address.value == "1" then
    return true, "DRUID_SET_HOST_IP"
  end
  local image = tables.text(group.node.image, cluster.spec.image) or ""
  local release = version.of_image(image)
  if release and version.compare(release, M.named_since) >= 0 then
    return false, "image " .. image
  end
  return release and ("/" .. image):find("/apache/druid[:@]") ~= nil or nil, "image " .. image
end

local function keeps_name(cluster, group)
  local by_address, by, own = host_of(cluster, group)
  if by_address then
    return string.format("a host name that stays (%s makes it the pod's address)", by)
  end
  local service = (group.node.services or cluster.spec.services or {})[1]
  if not own and tables.dig(service, "spec", "clusterIP") ~= "None" then
    return "a headless Service (clusterIP: None) as the group's first, which gives its pods their names"
  elseif by_address == nil then
    return nil, "whether the host name stays is not known, for " .. by .. " gives it"
  end
  return nil
end

M.needs = { told_to, keeps_folder, has_time, keeps_name }

-- What a group lacks for Druid to restore its tasks, in words, or nil; and what is in doubt, or nil.
function M.judge(cluster, group)
  local lacks, doubts = {}, {}
  for _, need in ipairs(M.needs) do
    local lack, doubt = need(cluster, group)
    lacks[#lacks + 1], doubts[#doubts + 1] = lack, doubt
  end
  return #lacks > 0 and "strategy restore needs " .. table.concat(lacks, ", ") .. "; its workers are emptied instead" or nil,
    #lacks == 0 and #doubts > 0 and "strategy restore: " .. table.concat(doubts, "; ") or nil
end

return M
