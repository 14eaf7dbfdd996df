local leader = require "druid.leader"

local function parts(runtime)
  return { { group = { type = "broker", node = {} }, services = {} },
    { group = { type = "coordinator", node = { ["runtime.properties"] = runtime or "" } },
      services = { { metadata = { name = "druid-demo-coordinators" }, spec = { ports = { { port = 8081 } } } } } } }
end

local cluster = { namespace = "ns", spec = { ["common.runtime.properties"] = "" } }

local function door(answers, asked)
  return { request = function(request)
    asked[#asked + 1] = request.url
    return answers[request.url]
  end }
end

return {
  ["the leader is asked for its version"] = function(t)
    local asked = {}
    local answers = {
      ["http://druid-demo-coordinators.ns:8081/druid/coordinator/v1/leader"] = { status = 200,
        body = "http://10.0.0.7:8081\n" },
      ["http://10.0.0.7:8081/status"] = { status = 200, body = '{"version":"33.0.0","modules":[]}' },
    }
    t.equal(leader.version(door(answers, asked), cluster, parts()), "33.0.0")
    t.equal(#asked, 2)
  end,
  ["no answer, a refusal and nonsense are no version"] = function(t)
    local url = "http://druid-demo-coordinators.ns:8081/druid/coordinator/v1/leader"
    t.equal(leader.version(door({}, {}), cluster, parts()), nil)
    t.equal(leader.version(door({ [url] = { status = 401, body = "" } }, {}), cluster, parts()), nil)
    t.equal(leader.version(door({ [url] = { status = 200, body = "file:///etc/passwd" } }, {}), cluster, parts()), nil)
    t.equal(leader.version(door({ [url] = { status = 200, body = "http://h:1" },
      ["http://h:1/status"] = { status = 200, body = "<html>" } }, {}), cluster, parts()), nil)
    t.equal(leader.version(door({}, {}), cluster, {}), nil)
  end,
  ["TLS is used where plain text is turned off"] = function(t)
    t.equal(leader.address(cluster, parts("druid.enablePlaintextPort=false")),
      "https://druid-demo-coordinators.ns:8081")
  end,
}
