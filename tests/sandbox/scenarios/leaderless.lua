local w = require "world"
local M = { title = "a cluster that nobody leads is Degraded, an update stops there, and both pass by themselves" }

local function degraded()
  local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
  local condition, ready = w.condition(druid, "Degraded"), w.condition(druid, "Ready")
  if ready.status ~= "True" and condition.status == "True" and condition.reason == "NoLeader" then return condition.message end
  return nil, ready.reason .. ": " .. ready.message
end

local function image(group)
  return w.read("apps/v1", "StatefulSet", "druid-tiny-" .. group).spec.template.spec.containers[1].image
end

local function asked()
  return json.decode(w.check(http.request{ method = "GET", url = "http://world/counts" }).body)
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- nothing answers on simulated nodes
  w.make_model(ctx)
  w.deploy(ctx)
  -- Nothing changes: nobody is asked.
  if w.mode == "virtual" then
    ctx.sleep(20000)
    local before = asked()
    ctx.sleep(120000)
    local after = asked()
    w.equal(after.druid - before.druid, 0, "requests to Druid in two idle minutes")
  end
  -- One who leads goes and nobody follows.
  w.write_model(ctx, "faults", "- noLeader: coordinator\n")
  w.check(ctx.delete(w.target("v1", "Pod", "druid-tiny-coordinators-0")))
  local words = w.wait(ctx, "it is told that the Coordinators have no leader", 300, degraded)
  if not words:find("^the Coordinators have no leader: ") then error(words) end
  w.write_model(ctx, "faults", "[]\n")
  w.wait(ctx, "the cluster is Ready again", 200, function() return w.is_ready() end)
  -- An update after which the Overlords have no leader goes no further.
  w.write_model(ctx, "faults", "- noLeader: overlord\n")
  w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:39.0.0" } }))
  w.wait(ctx, "the Overlords are updated", 600, function() return image("overlords") == "apache/druid:39.0.0" end)
  w.wait(ctx, "the Overlords are told to have no leader", 300, degraded)
  if image("coordinators") == "apache/druid:39.0.0" then error("the update went on to the Coordinators") end
  w.write_model(ctx, "faults", "[]\n")
  w.wait(ctx, "the update is through", 600, function() return w.is_ready() end)
  w.equal(image("coordinators"), "apache/druid:39.0.0", "the Coordinators' image")
end

return M
