local names = require "druid.names"
local services = require "druid.services"

local function service(spec, metadata)
  local all = { name = "druid-a-brokers", namespace = "n" }
  for key, value in pairs(metadata or {}) do
    all[key] = value
  end
  return { apiVersion = "v1", kind = "Service", metadata = all, spec = spec }
end

local function wanted(spec)
  local all = { selector = { app = "druid" }, ports = { { port = 8082 } } }
  for key, value in pairs(spec or {}) do
    all[key] = value
  end
  return service(all)
end

local function fit(want, live, options)
  local all = { announced = function() return false end, pods = function() return {} end, settled = true }
  for key, value in pairs(options or {}) do
    all[key] = value
  end
  return services.fit({ spec = (options or {}).spec or {} }, want, live, all)
end

local headless = service({ clusterIP = "None", type = "ClusterIP", selector = { app = "druid" }, ports = { { port = 8082 } } })
local addressed = service({ clusterIP = "10.96.0.7", clusterIPs = { "10.96.0.7" }, type = "ClusterIP", ipFamilies = { "IPv4" },
  selector = { app = "druid" }, ports = { { port = 8082 } } })
local function told()
  return true
end

local function pod(labels, ready)
  return { labels = labels, ready = ready ~= false }
end

return {
  ["what can be changed in place is"] = function(t)
    for i, case in ipairs({
      { {}, {} }, { {}, { clusterIP = "10.96.0.7" } }, { { clusterIP = "None" }, { clusterIP = "None" } },
      { { type = "NodePort" }, { clusterIP = "10.96.0.7", type = "ClusterIP" } },
      { { type = "LoadBalancer" }, { clusterIP = "10.96.0.7", type = "NodePort" } },
      { { type = "ExternalName", externalName = "x" }, { clusterIP = "10.96.0.7" } },
      { { clusterIP = "None" }, { type = "ExternalName" } },
      { { ipFamilies = { "IPv4", "IPv6" } }, { clusterIP = "10.96.0.7", ipFamilies = { "IPv4" } } },
      { { ipFamilies = { "IPv4" } }, { clusterIP = "10.96.0.7" } },   -- an old server
    }) do
      t.equal(services.fixed(case[1], case[2]), nil, "case " .. i)
    end
  end,
  ["what can not be has its field named"] = function(t)
    for i, case in ipairs({
      { "clusterIP", { clusterIP = "None" }, { clusterIP = "10.96.0.7" } }, { "clusterIP", {}, { clusterIP = "None" } },
      { "clusterIP", { clusterIPs = { "10.96.0.8" } }, { clusterIP = "10.96.0.7" } },
      { "clusterIP", { type = "NodePort" }, { clusterIP = "None" } },
      { "ipFamilies", { ipFamilies = { "IPv6" } }, { clusterIP = "10.96.0.7", ipFamilies = { "IPv4" } } },
      { "loadBalancerClass", { type = "LoadBalancer", loadBalancerClass = "b" },
        { type = "LoadBalancer", clusterIP = "10.96.0.7", loadBalancerClass = "a" } },
    }) do
      t.equal(services.fixed(case[2], case[3]), case[1], "case " .. i)
    end
  end,
  ["a load balancer's class that leaves the Druid object is known to be ours by what was noted with it"] = function(t)
    local function balancer(class, extra)
      local spec = { type = "LoadBalancer", clusterIP = "10.96.0.7", loadBalancerClass = class, selector = { app = "druid" },
        ports = { { port = 8082 } } }
      for key, value in pairs(extra or {}) do
        spec[key] = value
      end
      return spec
    end
    local noted = { annotations = { [services.class] = "a" } }
    local made = fit(wanted({ type = "LoadBalancer", loadBalancerClass = "a" }), nil)
    t.equal(made.object.metadata.annotations, noted.annotations)
    local ours, theirs = service(balancer("a"), noted), service(balancer("a"))
    local want = wanted({ type = "LoadBalancer" })
    local first = fit(want, ours)
    t.equal({ first.waits, first.object.spec.loadBalancerClass }, { true, "a" })
    t.equal(first.object.metadata.annotations, noted.annotations, "an operator that is killed now knows it again")
    t.equal(fit(want, ours, { announced = told }).replace, "loadBalancerClass")
    t.equal(fit(want, theirs).notes, {}, "somebody else's hook gave it")
    t.equal(fit(wanted({ type = "LoadBalancer", loadBalancerClass = "b" }), service(balancer(nil)), { announced = told }).replace,
      "loadBalancerClass")
    t.equal(fit(wanted({ type = "ClusterIP" }), ours).object.spec.loadBalancerClass, nil)
  end,
  ["the port of health checks stays while there are any, and a person is told how to change it"] = function(t)
    local function balancer(port, policy)
      return { type = "LoadBalancer", externalTrafficPolicy = policy or "Local", healthCheckNodePort = port }
    end
    local live = service({ type = "LoadBalancer", externalTrafficPolicy = "Local", healthCheckNodePort = 30001,
      clusterIP = "10.96.0.7", selector = { app = "druid" }, ports = { { port = 8082 } } })
    local got = fit(wanted(balancer(30002)), live, { announced = told })
    t.equal({ got.replace == nil, got.object.spec.healthCheckNodePort }, { true, 30001 })
    t.ok(got.kept:find("keeps its healthCheckNodePort.*kubectl %-n n delete service druid%-a%-brokers"), got.kept)
    t.equal(fit(wanted(balancer(nil)), live).notes, {})
    t.equal(fit(wanted(balancer(30001)), live).notes, {})
    t.equal(fit(wanted(balancer(nil, "Cluster")), live).notes, {})
  end,
  ["it is announced with everything else written, and replaced in the next run"] = function(t)
    local want = wanted({ type = "NodePort", externalTrafficPolicy = "Local", ports = { { port = 9, name = "new" } } })
    local first = fit(want, headless)
    t.equal(first.replace, nil)
    t.equal(first.waits, true)
    t.equal(first.object.spec, { clusterIP = "None", type = "ClusterIP", selector = { app = "druid" },
      ports = { { port = 9, name = "new" } } })
    t.equal(first.notes, { "Service druid-a-brokers is deleted and made anew for its clusterIP; clients do not reach it "
      .. "for that moment" })
    local second = fit(want, headless, { announced = told })
    t.equal(second.replace, "clusterIP")
    t.equal(second.object, want)
    t.equal(fit(wanted({ clusterIP = "None" }), addressed).object.spec.clusterIP, "10.96.0.7")
  end,
  ["one whose success is not sure, or not wanted, is left to a person, with the command"] = function(t)
    for _, case in ipairs({
      { wanted({ clusterIP = "10.96.0.9" }), addressed },
      { wanted({ clusterIP = "None" }), addressed, { recreateOnImmutableChange = false } },
      { wanted({ type = "NodePort", ports = { { port = 9, nodePort = 30080 } } }), headless },
    }) do
      local got = fit(case[1], case[2], { announced = told, spec = case[3] })
      t.equal(got.replace, nil)
      t.equal(got.object.spec.clusterIP, case[2].spec.clusterIP)
      t.ok(got.notes[1]:find("kubectl -n n delete service druid-a-brokers", 1, true), got.notes[1])
    end
  end,
  ["one that is on its way out is waited for"] = function(t)
    local got = fit(wanted(), service(headless.spec, { deletionTimestamp = "2026-01-01T00:00:00Z" }), { announced = told })
    t.equal(got.object, nil)
    t.equal(#got.notes, 1)
  end,
  ["what the former operator left headless stays so until somebody says otherwise"] = function(t)
    local theirs = service(headless.spec, { annotations = { druidOpResourceHash = "x" } })
    local first = fit(wanted(), theirs, { announced = told })
    t.equal(first.replace, nil)
    t.equal(first.object.metadata.annotations, { [names.former] = "clusterIP" })
    local ours = service(headless.spec, { annotations = first.object.metadata.annotations })
    t.equal(fit(wanted(), ours, { announced = told }).object.spec.clusterIP, "None")
    t.equal(fit(wanted({ clusterIP = "None" }), ours).object.metadata.annotations, nil)
  end,
  ["a selector that only lets go of something is changed at once"] = function(t)
    t.equal(services.selector({ a = "1" }, { a = "1", b = "2" }, error, false), { a = "1" })
    t.equal(services.selector({ a = "1" }, nil, error, false), { a = "1" })
  end,
  ["a selector waits for pods that carry it, and selects those of before and after meanwhile"] = function(t)
    local old, new = { a = "1", tier = "hot" }, { a = "1", tier = "warm" }
    local cases = {
      { "pods", false, { pod(old) } }, { "pods", false, { pod(old), pod(new) } }, { nil, false, { pod(new), pod(old, false) } },
      { nil, true, { pod(new) } }, { nil, false, {} }, { "nobody", true, { pod(old) } },
      { nil, true, { pod(new), pod(old) } },   -- a label that only some of the pods bear
    }
    for i, case in ipairs(cases) do
      local selector, why = services.selector(new, old, function() return case[3] end, case[2])
      t.equal(why, case[1], "case " .. i)
      t.equal(selector, why and { a = "1" } or new, "case " .. i)
    end
  end,
  ["a Service with another selector says what it waits for"] = function(t)
    local want = wanted()
    want.spec.selector = { app = "druid", tier = "hot" }
    local got = fit(want, addressed, { pods = function() return { pod({ app = "druid" }) } end, settled = false })
    t.equal(got.object.spec.selector, { app = "druid" })
    t.equal(got.notes, { "Service druid-a-brokers gets its new selector when the pods carry its labels" })
    t.equal(want.spec.selector.tier, "hot")
  end,
}
