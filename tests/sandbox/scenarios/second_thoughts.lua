local w = require "world"
local M = { title = "a third revision during a rollout, the first one again, a group of no pods: each change gets through" }

local function set_of(key)
  return w.read("apps/v1", "StatefulSet", "druid-tiny-" .. key)
end

local function revisions(druid)
  local list = {}
  for _, group in ipairs(w.groups(druid)) do
    list[group.key] = w.check(set_of(group.key).status.updateRevision)
  end
  return list
end

local function idle_time(ctx, text)
  local druid = w.check(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny"))
  local properties = druid.spec["common.runtime.properties"]:gsub("druid%.server%.http%.maxIdleTime=[^\n]*\n?", "")
  w.check(ctx.patch(w.druid(), { spec = { ["common.runtime.properties"] = properties
    .. (text and "druid.server.http.maxIdleTime=" .. text .. "\n" or "") } }))
end

-- All pods of all groups have what the common configuration says now, and nothing else.
local function pods_agree(druid)
  for _, group in ipairs(w.groups(druid)) do
    local set = set_of(group.key)
    for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. group.name)) do
      w.equal(pod.metadata.labels["controller-revision-hash"], set.status.updateRevision, "the revision of " .. pod.metadata.name)
    end
  end
end

function M.run(ctx)
  local druid = w.deploy(ctx, nil, function(d)
    d.spec["common.runtime.properties"] = d.spec["common.runtime.properties"]:gsub("\n*$", "\n")
  end)
  local first = revisions(druid)
  local early = w.group_of(druid, "historical").key
  idle_time(ctx, "PT4M")
  w.wait(ctx, "the first group begins", 60, function() return set_of(early).status.updateRevision ~= first[early] end)
  idle_time(ctx, "PT3M")
  w.wait(ctx, "the third revision is everywhere", 400, function() return w.is_ready() end)
  local third = revisions(druid)
  for key, revision in pairs(third) do
    w.check(revision ~= first[key], key .. " has a new revision")
  end
  pods_agree(druid)
  if w.mode == "http" then return end   -- the played Druid takes its time for each of these, a minute or two

  idle_time(ctx, nil)
  w.wait(ctx, "the first revision is everywhere", 400, function() return w.is_ready() end)
  w.equal(revisions(druid), first, "revisions, whose names are used again")
  pods_agree(druid)

  local router = w.group_of(druid, "router").key
  w.check(ctx.patch(w.druid(), { spec = { nodes = { [router] = { replicas = 0 } } } }))
  w.wait(ctx, "a group of no pods is Ready", 120, function()
    return #w.list("v1", "Pod", "nodeSpecUniqueStr=druid-tiny-" .. router) == 0 and w.is_ready()
  end)
  idle_time(ctx, "PT2M")
  w.wait(ctx, "it holds up nobody", 400, function() return w.is_ready() end)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { [router] = { replicas = 1 } } } }))
  w.wait(ctx, "its pods are back", 120, function()
    return #w.list("v1", "Pod", "nodeSpecUniqueStr=druid-tiny-" .. router) == 1 and w.is_ready()
  end)
  pods_agree(druid)
end

return M
