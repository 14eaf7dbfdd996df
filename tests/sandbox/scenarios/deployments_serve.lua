local w = require "world"
local M = { title = "Brokers of a Deployment that are Ready and do not serve hold the Routers up; a silent one is given up" }

local NAMES = { brokers = "druid-tiny-brokers", routers = "druid-tiny-routers" }

local function round_of(kind, key)
  local live = w.read("apps/v1", kind, NAMES[key])
  return (live.spec.template.metadata.annotations or {}).round, live
end

local function routers()
  for _, group in ipairs(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status.groups or {}) do
    if group.name == "routers" then return group end
  end
end

local function asked()
  return json.decode(w.check(http.request{ method = "GET", url = "http://world/counts" }).body).druid
end

-- Changes both groups, and waits until the Brokers are through as Kubernetes sees it.
local function edit(ctx, round)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { brokers = { podAnnotations = { round = round } },
    routers = { podAnnotations = { round = round } } } } }))
  w.wait(ctx, "the Brokers are updated and Ready", 300, function()
    local seen, live = round_of("Deployment", "brokers")
    local status = live.status or {}
    return seen == round and status.observedGeneration == live.metadata.generation and status.updatedReplicas == 2
      and status.replicas == 2 and status.readyReplicas == 2 and status.availableReplicas == 2
  end)
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- nobody plays Druid, or minutes are minutes
  w.make_model(ctx)
  w.deploy(ctx, nil, function(druid)
    druid.spec.druidTimeout = "1m"
    druid.spec.nodes.brokers.kind, druid.spec.nodes.brokers.replicas = "Deployment", 2
  end)

  w.write_model(ctx, "faults", "- {type: broker, path: /druid/broker/v1/readiness, answer: 503}\n")
  edit(ctx, "one")
  w.wait(ctx, "it is told that the Routers wait", 60, function()
    return (routers().waitsFor or ""):find("^druid%-tiny%-brokers%-%S+ does not say yet that it is ready to serve$"),
      routers().waitsFor
  end)
  local before = asked()
  for _ = 1, 24 do
    ctx.sleep(5000)
    if round_of("StatefulSet", "routers") == "one" then error("the Routers went before the Brokers served") end
  end
  local count = asked() - before
  if count > 25 then error(count .. " requests to Druid in two minutes") end
  w.equal(routers().phase, "Waiting", "the Routers")
  w.write_model(ctx, "faults", "[]\n")
  w.wait(ctx, "the Routers are updated", 120, function() return round_of("StatefulSet", "routers") == "one" end)
  w.wait(ctx, "the update is through", 300, function() return w.is_ready() end)
  w.equal(#w.events("DruidNodeNote"), 0, "notes")
  before = asked()
  ctx.sleep(120000)
  w.equal(asked() - before, 0, "requests to Druid in two idle minutes")

  -- They give no answer at all.
  w.write_model(ctx, "faults", "- {type: broker, path: /druid/broker/v1/readiness, answer: refuse}\n")
  edit(ctx, "two")
  local since = clock.now()
  w.wait(ctx, "the Routers are updated", 300, function() return round_of("StatefulSet", "routers") == "two" end)
  if clock.now() - since < 50 then error("given up after " .. clock.now() - since .. " s") end
  w.wait(ctx, "the update is through", 300, function() return w.is_ready() end)
  if w.dies then return end   -- right after the status was written, before it told
  w.wait(ctx, "it is told that nobody could be asked", 60, function()
    local words = (w.events("DruidNodeNote")[1] or {}).note or ""
    return words:find("^routers: Druid could not be asked whether the groups before it serve"), words
  end)
end

return M
