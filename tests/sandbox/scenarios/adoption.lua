-- Replays what the former operator left behind (tests/adoption): nothing may restart, and then updates work.
local f = require "former"
local w = require "world"
local M = { title = "takes over what the former operator made of fourteen clusters: nothing restarts, then updates work" }

M.names = { "autoscaled", "deployments", "extra", "indexer", "ingress", "labels", "mmless", "scratch", "sidecars", "six",
  "tiers", "tiny", "tls", "twin" }

local function nothing_of_the_former(object)
  for _, entry in ipairs(object.metadata.managedFields or {}) do
    if entry.manager == "manager" and not entry.subresource then
      return false, object.kind .. " " .. object.metadata.name .. " still has fields of the former operator"
    end
  end
  return true
end

-- Each kind of update, on clusters that are as the former operator left them. Historicals stay out of it: without
-- a Druid behind them each would be waited for.
local function update(ctx, clusters)
  local function patch(name, spec)
    for _, one in ipairs(clusters[name]) do
      w.check(ctx.patch(one.target, { spec = spec }))
    end
  end
  local up = "apache/druid:33.0.1"
  patch("tiny", { image = up })
  patch("tls", { image = up })
  patch("deployments", { nodes = { brokers = { image = up }, routers = { image = up } } })
  patch("twin", { nodes = { brokers = { image = up, ["runtime.properties"] = "druid.service=druid/other" } } })
  patch("extra", { ["common.runtime.properties"] = "druid.zk.service.host=other" })
  patch("sidecars", { additionalContainer = json.null, nodes = { routers = { additionalContainer = json.null } } })
  patch("labels", { nodes = { brokers = { workloadAnnotations = json.null }, routers = { replicas = 1 } } })
  patch("ingress", { nodes = { routers = { ingressAnnotations = json.null } } })
  for name, list in pairs(clusters) do
    for _, one in ipairs(list) do
      w.wait(ctx, name .. " is Ready after its update", 240, function() return f.is_ready(one) end)
    end
  end
  for _, name in ipairs{ "tiny", "tls", "deployments", "twin" } do
    for _, one in ipairs(clusters[name]) do
      for _, workload in ipairs(f.workloads(one)) do
        if workload.metadata.labels.component ~= "historical" then
          w.equal(workload.spec.template.spec.containers[1].image, up, workload.metadata.name)
          w.check(nothing_of_the_former(workload))
        end
      end
    end
  end
  local configured = w.read("v1", "ConfigMap", "extra-druid-common-config")
  w.equal(configured.data["common.runtime.properties"], "druid.zk.service.host=other", "the common configuration")
  local function read(name, kind, api_version, object)
    local target = { apiVersion = api_version, kind = kind, namespace = w.namespace, name = object }
    return w.check(kube.read(target), name)
  end
  for _, workload in ipairs(f.workloads(clusters.sidecars[1])) do
    w.equal(#workload.spec.template.spec.containers, 1, "containers of " .. workload.metadata.name)
  end
  local labels = read("labels", "StatefulSet", "apps/v1", "druid-labels-brokers")
  w.equal(labels.metadata.annotations["example.com/backup"] == nil, true, "an annotation that was taken away is gone")
  local ingress = read("ingress", "Ingress", "networking.k8s.io/v1", "druid-ingress-routers")
  for key in pairs(ingress.metadata.annotations or {}) do
    w.equal(key:find("nginx", 1, true) ~= nil, false, "an annotation of an Ingress that was taken away is gone: " .. key)
  end
end

function M.run(ctx)
  w.operator("stop-all")
  local clusters = {}
  for _, name in ipairs(M.names) do
    -- An old server drops the ephemeral volumes of this one, so nobody has it there.
    if name ~= "scratch" or not f.is_old then
      clusters[name] = f.restore(ctx, name)
    end
  end
  local before = {}
  for name, list in pairs(clusters) do
    for _, one in ipairs(list) do
      f.wait_for_pods(ctx, one)
      before[one] = f.snapshot(one)
      w.check(before[one], name)
    end
  end
  if w.mode ~= "virtual" then
    w.operator("adopt")   -- foretells what follows
  end
  w.operator("start")
  for name, list in pairs(clusters) do
    for _, one in ipairs(list) do
      w.wait(ctx, name .. " is Ready", 120, function() return f.is_ready(one) end)
    end
  end
  for _, list in pairs(clusters) do
    for _, one in ipairs(list) do
      local after = f.snapshot(one)
      for name, wanted in pairs(before[one]) do
        w.equal(after[name], wanted, name)
        after[name] = nil
      end
      w.equal(after, json.object({}), "what is new in " .. one.target.name)
    end
  end
  w.equal(w.read("apps/v1", "StatefulSet", "druid-autoscaled-brokers").spec.replicas, 2, "replicas an autoscaler set")
  for _, service in ipairs(w.list("v1", "Service", "app=druid")) do
    w.check(nothing_of_the_former(service))
  end
  update(ctx, clusters)
  f.clean(ctx)
end

return M
