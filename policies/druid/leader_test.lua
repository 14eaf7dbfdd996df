local client = require "druid.client"
local gate = require "druid.client.gate"
local groups = require "druid.groups"
local leader = require "druid.leader"

local unique = "druid-demo-coordinators"

local function version(by_url)
  local cluster = groups.cluster({ metadata = { name = "demo", namespace = "ns", uid = "u" },
    spec = { nodes = { coordinators = { nodeType = "coordinator", ["druid.port"] = 8081, services = { {} } } } } })
  local kube = { list = function()
    return { { metadata = { name = unique .. "-0", labels = { nodeSpecUniqueStr = unique } }, status = { podIP = "10.0.0.7" } } }
  end }
  return leader.version(client.open({ kube = kube, http = { request = function(request)
    local body = by_url[request.url]
    if not body then
      return nil, { code = "network", message = "refused" }
    end
    return { status = 200, headers = {}, body = body }
  end } }, cluster, { gate = gate.new() }))
end

local ask = "http://druid-demo-coordinators.ns:8081/druid/coordinator/v1/leader"

return {
  ["the leader is asked for its version"] = function(t)
    t.equal(version({ [ask] = "http://druid-demo-coordinators-0:8081\n",
      ["http://10.0.0.7:8081/status"] = '{"version":"33.0.0","modules":[]}' }), "33.0.0")
  end,
  ["no answer and nonsense are no version"] = function(t)
    t.equal(version({}), nil)
    t.equal(version({ [ask] = "file:///etc/passwd" }), nil)
    t.equal(version({ [ask] = "http://elsewhere:1" }), nil)
    t.equal(version({ [ask] = "http://10.0.0.7:8081", ["http://10.0.0.7:8081/status"] = "<html>" }), nil)
  end,
}
