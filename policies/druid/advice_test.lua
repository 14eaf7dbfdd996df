local advice = require "druid.advice"

local function of(all, own, env, kind)
  return advice.of({ spec = { ["jvm.options"] = all, env = env }, groups = {
    { key = "hot", type = "historical", node = {} },
    { key = "brokers", type = kind or "broker", node = { ["extra.jvm.options"] = own } } } })
end

return {
  ["a JVM that keeps old addresses is told, once, with what to add"] = function(t)
    local list = of("-server", "-Xmx1g")
    t.equal(#list, 1)
    t.equal(list[1].advice, true)
    t.ok(list[1].message:find("nodes.brokers", 1, true))
    t.ok(list[1].remedy:find("-Dsun.net.inetaddr.ttl=2", 1, true))
  end,
  ["nothing is told where it forgets them, or where nobody is called by name"] = function(t)
    t.equal(of("-Dsun.net.inetaddr.ttl=5"), {})
    t.equal(of(nil, "-Dsun.net.inetaddr.ttl=5"), {})
    t.equal(of(nil, nil, { { name = "DRUID_SET_HOST_IP", value = "1" } }), {})
    t.equal(of(nil, nil, nil, "historical"), {})
  end,
  ["groups that serve TLS only and are probed over HTTP are told, all in one line"] = function(t)
    local function told(node, spec)
      spec = spec or {}
      spec["jvm.options"] = "-Dsun.net.inetaddr.ttl=2"
      spec["common.runtime.properties"] = spec["common.runtime.properties"] or "druid.enablePlaintextPort=false"
      local list = advice.of({ spec = spec, groups = { { key = "hot", type = "historical", node = node },
        { key = "cold", type = "historical", node = { livenessProbe = {}, readinessProbe = {}, startUpProbe = {} } },
        { key = "ask", type = "broker", node = node } } })
      t.ok(#list <= 1)
      return list[1] and list[1].field .. " " .. list[1].message:match("served by ([%a, ]+) %(") or ""
    end
    local tls = { httpGet = { scheme = "HTTPS", port = 8281 } }
    local wrong = "spec.nodes.hot hot, ask"
    t.equal(told({}), wrong)
    t.equal(told({ livenessProbe = tls, readinessProbe = {} }), wrong)
    t.equal(told({ livenessProbe = { httpGet = { port = 8281 } } }, { defaultProbes = false }), wrong)
    t.equal(told({}, { livenessProbe = tls, readinessProbe = tls, startUpProbe = tls }), "")
    t.equal(told({}, { defaultProbes = false }), "")
    t.equal(told({ livenessProbe = { exec = { command = { "true" } } } }, { defaultProbes = false }), "")
    t.equal(told({}, { ["common.runtime.properties"] = "druid.enablePlaintextPort=true" }), "")
    t.equal(told({ ["runtime.properties"] = "druid.enablePlaintextPort=true" }), "")
  end,
  ["workers whose tasks are to be restored and are not are told, and so is what nobody knows"] = function(t)
    local function told(node, strategy)
      node.middleManagerDrainStrategy = { strategy = strategy or "restore" }
      node.terminationGracePeriodSeconds = 330
      local list = advice.of({ spec = { image = "apache/druid:33.0.0", services = { { spec = { clusterIP = "None" } } } },
        groups = { { key = "mm", type = "middleManager", kind = "StatefulSet", node = node } } })
      return list[1] and list[1].field .. " " .. list[1].message .. "; " .. list[1].remedy
    end
    local on = "druid.indexer.task.restoreTasksOnRestart=true\n"
    t.equal(told({ ["runtime.properties"] = on .. "druid.indexer.task.baseTaskDir=/x" }),
      "spec.nodes.mm.middleManagerDrainStrategy strategy restore needs a volume that stays for the tasks' folder: /x is on no "
      .. "volume; its workers are emptied instead; give what is missing, or write strategy: drain")
    t.ok(told({ ["runtime.properties"] = on }):find("; make sure of it, or write strategy: drain", 1, true))
    t.equal(told({ ["runtime.properties"] = on }, "drain"), nil)
  end,
  ["a property that is none is named"] = function(t)
    t.ok(of("-Dnetworkaddress.cache.ttl=5")[1].message:find("has no effect", 1, true))
  end,
}
