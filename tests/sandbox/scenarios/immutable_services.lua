local w = require "world"
local M = { title = "a Service gets or loses its address, announced first, and its selector follows the pods" }

local SET = "druid-tiny-brokers"

local function service()
  return w.read("v1", "Service", SET)
end

local function ask_for(ctx, spec)
  local list = json.array{ { spec = spec } }
  w.check(ctx.patch(w.druid(), { spec = { nodes = { brokers = { services = list } } } }))
end

local function announced(field)
  for _, event in ipairs(w.events()) do
    if (event.note or ""):find("Service " .. SET .. " is deleted and made anew for its " .. field, 1, true) then return true end
  end
  return false
end

-- From one kind of Service to another: it is announced before the old one goes.
local function replaced(ctx, spec, is_there, field)
  local uid = service().metadata.uid
  ask_for(ctx, spec)
  w.wait(ctx, "the Service is another one", 120, function()
    local now = service()
    if not now or now.metadata.uid ~= uid then
      -- With faults an event may be lost.
      if w.patience == 1 and not announced(field or "clusterIP") then error("it was not announced") end
    end
    return now and now.metadata.uid ~= uid and is_there(now.spec) and w.is_ready()
  end)
end

local function carried(spec, pods)
  local ready, matching = 0, 0
  for _, pod in ipairs(pods) do
    local condition = w.condition(pod, "Ready")
    if condition and condition.status == "True" then
      ready = ready + 1
      local all = true
      for key, value in pairs(spec.selector) do all = all and pod.metadata.labels[key] == value end
      matching = matching + (all and 1 or 0)
    end
  end
  return ready, matching
end

local function is_noted(text)
  for _, group in ipairs(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status.groups) do
    if (group.note or ""):find(text, 1, true) then return true end
  end
  return false
end

-- A load balancer's class is taken away by another Service; the port of its health checks is kept, with a word.
local function balancer(ctx)
  local spec = { type = "LoadBalancer", externalTrafficPolicy = "Local", loadBalancerClass = "example.com/a" }
  replaced(ctx, spec, function(live) return live.loadBalancerClass == "example.com/a" end)
  spec.loadBalancerClass = nil
  replaced(ctx, spec, function(live) return live.loadBalancerClass == nil and live.type == "LoadBalancer" end,
    "loadBalancerClass")
  local before = service()
  spec.healthCheckNodePort = before.spec.healthCheckNodePort == 30123 and 30124 or 30123
  ask_for(ctx, spec)
  w.wait(ctx, "the port of health checks is left to a person", 60, function()
    return is_noted("Service " .. SET .. " keeps its healthCheckNodePort") and w.is_ready()
  end)
  local after = service()
  w.equal({ after.metadata.uid, after.spec.healthCheckNodePort or 0 }, { before.metadata.uid,
    before.spec.healthCheckNodePort or 0 }, "the Service")
end

function M.run(ctx)
  w.deploy(ctx, nil, function(druid)
    local brokers = druid.spec.nodes.brokers
    brokers.replicas = 2
    brokers.services = { { spec = { type = "ClusterIP", clusterIP = "None" } } }
  end)
  w.equal(service().spec.clusterIP, "None", "the address")
  replaced(ctx, { type = "NodePort" }, function(spec) return spec.type == "NodePort" and spec.clusterIP ~= "None" end)
  replaced(ctx, { type = "ClusterIP", clusterIP = "None" }, function(spec) return spec.clusterIP == "None" end)
  balancer(ctx)
  replaced(ctx, { type = "ClusterIP", clusterIP = "None" }, function(spec) return spec.clusterIP == "None" end)
  local uid = service().metadata.uid
  w.check(ctx.patch(w.druid(), { spec = { recreateOnImmutableChange = false } }))
  ask_for(ctx, { type = "ClusterIP" })
  w.wait(ctx, "the Service is left to a person", 60, function()
    return is_noted("kubectl -n " .. w.namespace .. " delete service " .. SET)
  end)
  w.equal(service().metadata.uid, uid, "the Service")
  -- A label and a selector with it: at no time the Service misses a pod that is ready.
  w.check(ctx.patch(w.druid(), { spec = { nodes = { brokers = { podLabels = { pool = "a" },
    services = json.array{ { spec = { type = "ClusterIP", clusterIP = "None", selector = { pool = "a" } } } } } } } }))
  w.wait(ctx, "the Service selects the new label", 300, function()
    local pods = w.list("v1", "Pod", "nodeSpecUniqueStr=" .. SET)
    local spec = service().spec
    local ready, matching = carried(spec, pods)
    if matching < ready and matching == 0 then error("the Service selects none of " .. ready .. " pods that are ready") end
    return spec.selector.pool == "a" and w.is_ready()
  end)
end

return M
