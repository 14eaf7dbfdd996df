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
  ["a property that is none is named"] = function(t)
    t.ok(of("-Dnetworkaddress.cache.ttl=5")[1].message:find("has no effect", 1, true))
  end,
}
