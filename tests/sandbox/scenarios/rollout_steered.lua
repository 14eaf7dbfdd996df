local w = require "world"
local M = { title = "an update is paused in the middle, goes on, is aborted, and a stuck one is taken back by itself" }

local function annotate(ctx, value)
  w.check(ctx.patch(w.druid(), { metadata = { annotations = { ["nemeton.dev/rollout"] = value or json.null } } }))
end

local function images()
  local count = {}
  for _, pod in ipairs(w.list("v1", "Pod", "druid_cr=tiny")) do
    local image = pod.spec.containers[1].image:match(":(.*)$")
    count[image] = (count[image] or 0) + 1
  end
  return count
end

local function phases()
  local list = {}
  for _, group in ipairs(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status.groups) do
    list[#list + 1] = group.name .. " " .. group.phase
  end
  return table.concat(list, ", ")
end

local function held()
  local list = {}
  for _, set in ipairs(w.list("apps/v1", "StatefulSet")) do
    if (set.metadata.annotations or {})["nemeton.dev/step"] then list[#list + 1] = set.metadata.name end
  end
  return #list > 0
end

local function settled_on(image)
  local there = images()
  local total = 0
  for _, count in pairs(there) do total = total + count end
  return there[image] == total and not held(), phases()
end

-- Paused with one Historical of three replaced: nothing moves, however long, nor under another operator.
local function pause(ctx)
  w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:33.0.1" } }))
  w.wait(ctx, "a pod is new", 200, function() return (images()["33.0.1"] or 0) >= 1 end)
  annotate(ctx, "pause")
  ctx.sleep(w.mode == "virtual" and 15000 or 8000)
  local before = json.encode(images())
  w.operator("kill")
  w.operator("start")
  ctx.sleep(w.mode == "virtual" and 90000 or 8000)
  w.equal(json.encode(images()), before, "images while it is paused")
  annotate(ctx, nil)
  w.wait(ctx, "the update is over", 600, function() return w.is_ready() end)
  w.wait(ctx, "everything is new", 30, function() return settled_on("33.0.1") end)
end

local function abort(ctx)
  w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:33.0.2" } }))
  w.wait(ctx, "the Brokers are new", 400, function()
    for _, pod in ipairs(w.list("v1", "Pod", "component=broker")) do
      if pod.spec.containers[1].image:find("33.0.2", 1, true) then return true end
    end
  end)
  annotate(ctx, "abort")
  w.wait(ctx, "everything is as before", 600, function() return settled_on("33.0.1") end)
  if w.is_ready() then error("a cluster that is not what its spec says is called Ready") end
  annotate(ctx, nil)
  w.wait(ctx, "the update goes through after all", 600, function() return w.is_ready() end)
  w.wait(ctx, "everything is new", 30, function() return settled_on("33.0.2") end)
end

local function taken_back(ctx)
  w.check(ctx.patch(w.druid(), { spec = { rollback = "auto", image = "apache/druid:missing" } }))
  w.wait(ctx, "it is taken back", 400, function()
    local status = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status
    return status.rollback and settled_on("33.0.2"), phases()
  end)
  w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:33.0.3" } }))
  w.wait(ctx, "the corrected one goes through", 600, function() return w.is_ready() end)
  w.wait(ctx, "everything is new", 30, function() return settled_on("33.0.3") end)
end

function M.run(ctx)
  w.deploy(ctx, nil, function(druid)
    druid.spec.image = "apache/druid:33.0.0"
    druid.spec.nodes.historicals.replicas = 3
    druid.spec.nodes.brokers.replicas = 2
  end)
  pause(ctx)
  if w.mode ~= "virtual" then return end   -- the rest takes its time, and simulated nodes take any image
  abort(ctx)
  taken_back(ctx)
end

return M
