-- The client against a Druid of tables: who is asked, with what, and what is made of the answers.

local answers = require "druid.client.answer"
local client = require "druid.client"
local coordinator = require "druid.client.coordinator"
local gate = require "druid.client.gate"
local groups = require "druid.groups"
local overlord = require "druid.client.overlord"
local process = require "druid.client.process"
local query = require "druid.client.query"

local routes = "druid.router.managementProxy.enabled=true"

local function node(node_type, port, properties, services)
  return { nodeType = node_type, ["druid.port"] = port, replicas = 1, ["runtime.properties"] = properties or "",
    nodeConfigMountPath = "/conf", services = services }
end

local function pod(group, ordinal, ip)
  return { kind = "Pod", metadata = { name = group .. "-" .. ordinal,
      labels = { app = "druid", druid_cr = "demo", nodeSpecUniqueStr = group } },
    status = { podIP = ip, conditions = { { type = "Ready", status = "True" } } } }
end

local pods = { pod("druid-demo-coordinators", 0, "10.0.0.1"), pod("druid-demo-coordinators", 1, "10.0.0.2"),
  pod("druid-demo-overlords", 0, "10.0.0.3"), pod("druid-demo-workers", 0, "10.0.0.4") }

local function spec(router_properties, extra)
  local made = { image = "apache/druid:33.0.0", ["common.runtime.properties"] = "",
    services = { { spec = { type = "ClusterIP" } } },
    nodes = { routers = node("router", 8888, router_properties), coordinators = node("coordinator", 8081),
      overlords = node("overlord", 8090), workers = node("middleManager", 8091) } }
  for key, value in pairs(extra or {}) do
    made[key] = value
  end
  return made
end

local secret = { metadata = { name = "login", namespace = "ns" },
  data = { OperatorUserName = digest.base64("op"), OperatorPassword = digest.base64("s3cret") } }

-- answers: by "METHOD url", an answer, an error { code = } or a function of the request.
local function open(by_url, druid_spec, options)
  local asked = {}
  local cluster = groups.cluster({ apiVersion = "druid.apache.org/v1alpha1", kind = "Druid",
    metadata = { name = "demo", namespace = "ns", uid = "u" }, spec = druid_spec or spec() })
  local doors = {
    kube = { list = function() return pods end,
      read = function(wanted)
        if wanted.name == "login" then
          return secret
        elseif wanted.name == "ca" then
          return { metadata = { name = "ca" }, data = { ["ca.crt"] = "PEM" } }
        end
        return nil, { code = "not_found", message = "not there" }
      end },
    http = { request = function(request)
      asked[#asked + 1] = request
      local answer = by_url[request.method .. " " .. request.url]
      if type(answer) == "function" then
        answer = answer(request)
      end
      answer = answer or { code = "network", reason = "Refused", message = "connection refused" }
      if answer.code then
        return nil, answer
      end
      return { status = answer.status or 200, headers = answer.headers or {}, body = answer.body or "" }
    end },
  }
  options = options or {}
  options.gate = options.gate or gate.new()
  return client.open(doors, cluster, options), asked
end

local function urls(asked)
  local list = {}
  for i, request in ipairs(asked) do
    list[i] = request.method .. " " .. request.url
  end
  return list
end

local through_service = "http://druid-demo-coordinators.ns:8081/druid/coordinator/v1/"
local tasks = "/druid/indexer/v1/task"

return {
  ["a Router that passes calls on is asked, and nobody else"] = function(t)
    local druid, asked = open({ ["GET http://druid-demo-routers.ns:8888/druid/coordinator/v1/config"] =
      { body = '{"pauseCoordination":false}' } }, spec(routes))
    t.equal(coordinator.config(druid), { pauseCoordination = false })
    t.equal(#asked, 1)
  end,
  ["the Coordinators' Service is asked where the Router passes nothing on"] = function(t)
    local druid, asked = open({ ["GET " .. through_service .. "config"] = { body = "{}" } })
    t.ok(coordinator.config(druid))
    t.equal(urls(asked), { "GET " .. through_service .. "config" })
  end,
  ["Q24: single pods are asked when no Service answers, and the good one first the next time"] = function(t)
    local druid, asked = open({ ["GET http://10.0.0.1:8081/druid/coordinator/v1/config"] = { body = "{}" } })
    t.ok(coordinator.config(druid))
    t.ok(coordinator.config(druid))
    t.equal(urls(asked), { "GET " .. through_service .. "config",
      "GET http://10.0.0.1:8081/druid/coordinator/v1/config", "GET http://10.0.0.1:8081/druid/coordinator/v1/config" })
  end,
  ["a redirect is followed with body and credentials, to the pod's own address"] = function(t)
    local to = "http://druid-demo-overlords-0.druid-demo-overlords.ns.svc.cluster.local:8090" .. tasks
    local druid, asked = open({
      ["POST http://druid-demo-overlords.ns:8090" .. tasks] = { status = 307, headers = { location = to } },
      ["POST http://10.0.0.3:8090" .. tasks] = { body = '{"task":"x"}' },
    }, spec("", { auth = { type = "basic-auth", secretRef = { name = "login" } } }))
    t.equal(overlord.submit_task(druid, { id = "x" }), "x")
    t.equal(asked[2].url, "http://10.0.0.3:8090" .. tasks)
    t.equal(asked[2].body, '{"id":"x"}')
    t.equal(asked[2].headers.Authorization, "Basic " .. digest.base64("op:s3cret"))
  end,
  ["a redirect to a host of somebody else gets nothing: the pods are asked who leads"] = function(t)
    for _, host in ipairs({ "evil.example.com", "druid-other-overlords.ns", "druid-demo-overlords.other",
      "druid-demo-overlords.ns.example.com", "10.9.9.9" }) do
      local druid, asked = open({
        ["GET " .. through_service .. "config"] = { status = 307, headers = { location = "http://" .. host .. ":8081/x" } },
        ["GET http://10.0.0.1:8081/druid/coordinator/v1/isLeader"] = { status = 404, body = '{"leader":false}' },
        ["GET http://10.0.0.2:8081/druid/coordinator/v1/isLeader"] = { body = '{"leader":true}' },
        ["GET http://10.0.0.2:8081/druid/coordinator/v1/config"] = { body = '{"a":1}' },
      })
      t.equal(coordinator.config(druid), { a = 1 })
      for _, request in ipairs(asked) do
        t.ok(not request.url:find(host .. ":", 1, true), host .. " got " .. request.url)
      end
    end
  end,
  ["a circle of redirects ends"] = function(t)
    local druid, asked = open({ ["GET " .. through_service .. "config"] = { status = 307,
      headers = { location = "http://druid-demo-coordinators.ns:8081/x" } } })
    local value, err = coordinator.config(druid)
    t.equal(value, nil)
    t.equal(err.code, "unavailable")
    t.ok(#asked <= client.hops_max * 4)
  end,
  ["a write that may have arrived is not sent to anybody else"] = function(t)
    local first = "POST http://druid-demo-overlords.ns:8090" .. tasks
    local second = "POST http://10.0.0.3:8090" .. tasks
    local druid, asked = open({ [first] = { code = "timeout", message = "no answer in 10 s" }, [second] = { body = "{}" } })
    local id, err = overlord.submit_task(druid, { id = "x" })
    t.equal(id, nil)
    t.equal(err.code, "timeout")
    t.equal(urls(asked), { first })
    druid, asked = open({ [second] = { body = '{"task":"x"}' } })
    t.equal(overlord.submit_task(druid, { id = "x" }), "x", "nobody got the first one: refused")
    t.equal(urls(asked), { first, second })
  end,
  ["a task that is there already is as good as a new one"] = function(t)
    local druid = open({ ["POST http://druid-demo-overlords.ns:8090" .. tasks] = { status = 400,
      body = '{"error":"druidException","errorCode":"entryAlreadyExists","errorMessage":"Task[x] already exists"}' } })
    local id, before = overlord.submit_task(druid, { id = "x" })
    t.equal({ id, before }, { "x", true })
  end,
  ["an unknown task is not found, whatever the release answers"] = function(t)
    for _, status in ipairs({ 400, 404 }) do
      local druid = open({ ["GET http://druid-demo-overlords.ns:8090" .. tasks .. "/x/status"] = { status = status,
        body = "Cannot find any task with id: [x]" } })
      local value, err = overlord.task_status(druid, "x")
      t.equal({ value == nil, err.code }, { true, "not_found" })
    end
  end,
  ["suspending twice and ending what is gone are no errors"] = function(t)
    local at = "POST http://druid-demo-overlords.ns:8090/druid/indexer/v1/supervisor/s/"
    local druid = open({ [at .. "suspend"] = { status = 400, body = '{"error":"[s] is already suspended"}' },
      [at .. "terminate"] = { status = 404, body = "Cannot find any supervisor with id: [s]" } })
    t.equal(overlord.suspend_supervisor(druid, "s"), true)
    t.equal(overlord.terminate_supervisor(druid, "s"), true)
  end,
  ["Q26: a Secret that is missing, incomplete or foreign ends the call before it is sent"] = function(t)
    for _, case in ipairs({
      { { secretRef = { name = "nope" }, type = "basic-auth" }, "Secret ns/nope cannot be read" },
      { { secretRef = { name = "login" }, type = "basic-auth", passwordKey = "pw" }, "has no key pw" },
      { { secretRef = { name = "login", namespace = "other" }, type = "basic-auth" }, "is of another namespace" },
    }) do
      local druid, asked = open({}, spec("", { auth = case[1] }))
      local _, err = coordinator.config(druid)
      t.ok(err.message:find(case[2], 1, true), err.message)
      t.equal(#asked, 0)
    end
    secret.metadata.annotations = { ["nemeton.dev/readable-from"] = "x, ns" }
    local druid = open({ ["GET " .. through_service .. "config"] = { body = "{}" } },
      spec("", { auth = { type = "b", secretRef = { name = "login", namespace = "other" } } }))
    t.ok(coordinator.config(druid))
    secret.metadata.annotations = nil
  end,
  ["TLS is used where plain text is turned off, with the CA that is named"] = function(t)
    local secure = spec("", { ["common.runtime.properties"] = "druid.enablePlaintextPort=false\ndruid.enableTlsPort=true",
      api = { ca = { configMapRef = { name = "ca" } } } })
    secure.nodes.coordinators["druid.port"] = 8281
    local service_url = "https://druid-demo-coordinators.ns.svc:8281/druid/coordinator/v1/config"
    local druid, asked = open({ ["GET " .. service_url] = { body = "{}" } }, secure)
    t.ok(coordinator.config(druid))
    t.equal({ #asked, asked[1].ca }, { 1, "PEM" })
    secure.nodes.coordinators["druid.port"] = 8081   -- which is all that the Service has
    local pod_url = "https://druid-demo-coordinators-0.druid-demo-coordinators.ns.svc:8281/druid/coordinator/v1/config"
    druid, asked = open({ ["GET " .. pod_url] = { body = "{}" } }, secure)
    t.ok(coordinator.config(druid))
    t.equal(urls(asked), { "GET " .. pod_url })
  end,
  ["the port of a Service is the one that leads to the process"] = function(t)
    for _, case in ipairs({
      { { { port = 80, targetPort = 8081 } }, 80 }, { { { port = 80, targetPort = "druid-port" } }, 80 },
      { { { port = 9999, targetPort = 9999 }, { port = 8081 } }, 8081 }, { { { port = 80, targetPort = "http" } }, 80 },
    }) do
      local of = spec("")
      of.nodes.coordinators.services = { { spec = { ports = case[1] } } }
      local at = "http://druid-demo-coordinators.ns:" .. case[2] .. "/druid/coordinator/v1/config"
      local druid, asked = open({ ["GET " .. at] = { body = "{}" } }, of)
      t.ok(coordinator.config(druid))
      t.equal(urls(asked), { "GET " .. at })
    end
  end,
  ["Q23: an address that did not answer is left alone, longer each time, and another cluster is not"] = function(t)
    local state, all, hung = gate.new(), gate.new(), { code = "timeout", message = "silence" }
    local ticket = gate.enter(state, all, "a", 0, 5000)
    t.equal(ticket.timeout_ms, 5000)
    gate.leave(state, all, ticket, 5000, hung)
    local refused, err = gate.enter(state, all, "a", 6000, 5000)
    t.equal({ refused == nil, err.code, err.retry_ms }, { true, "timeout", 4000 })
    ticket = gate.enter(state, all, "a", 10000, 5000)
    t.equal(ticket.timeout_ms, 2500)
    gate.leave(state, all, ticket, 12000, hung)
    t.equal(select(2, gate.enter(state, all, "a", 12000, 5000)).retry_ms, 10000)
    t.ok(gate.enter(state, all, "b", 12000, 5000), "another address")
    ticket = gate.enter(state, all, "a", 30000, 5000)
    gate.leave(state, all, ticket, 30001, nil)
    t.equal(gate.enter(state, all, "a", 30001, 5000).timeout_ms, 5000, "forgotten after an answer")
  end,
  ["Q23: no more than a few calls of a cluster are under way, and lost ones are forgotten"] = function(t)
    local state, all = gate.new(), gate.new()
    for _ = 1, gate.calls_max do
      t.ok(gate.enter(state, all, "a", 0, 5000))
    end
    local ticket, err = gate.enter(state, all, "a", 0, 5000)
    t.equal({ ticket == nil, err.code }, { true, "busy" })
    t.ok(gate.enter(state, all, "a", 5000 + gate.grace_ms + 1, 5000))
    t.equal(gate.enter(state, all, "a", 5000 + gate.grace_ms + 1, 5000, 1), nil, "a smaller share")
  end,
  ["Q23: when all clusters hang at once, runs have room left"] = function(t)
    local all = gate.new()
    for _ = 1, gate.all_max do
      t.ok(gate.enter(gate.new(), all, "a", 0, 5000))
    end
    t.equal(select(2, gate.enter(gate.new(), all, "a", 0, 5000)).code, "busy")
    t.ok(gate.enter(gate.new(), all, "a", 5000 + gate.grace_ms + 1, 5000))
  end,
  ["Q28: errors say what, how and what to do, and keep secrets"] = function(t)
    local function text(status, body)
      return answers.failure("GET /x of Service y", { status = status, body = body }).message
    end
    t.equal(text(401, "<html><head><title>Unauthorized</title></head></html>"),
      "GET /x of Service y: HTTP 401 Unauthorized; check the user and password in the Secret that auth names")
    t.ok(text(400, '{"error":"bad \\"password\\" : \\"hunter2\\", sasl.password=hunter2"}'):find("hunter2") == nil)
    t.ok(text(400, '{"error":"\\"sasl.password\\":\\"hun ter2, x\\""}'):find("ter2") == nil)
    t.ok(text(500, "jdbc:x://root:hunter2@db"):find("hunter2") == nil)
    t.equal(text(500, "<html><body>" .. ("ä"):rep(400)):find("\xc3%.%.%."), nil)
    t.ok(#text(500, ("x"):rep(9000)) < 300)
    t.equal(answers.failure("GET /x", { status = 401, body = "", anonymous = true }).message,
      "GET /x: HTTP 401; name a Secret with user and password in spec.auth")
    local refused = answers.silence("GET /x", { code = "network", reason = "PeerCertificate", message = "self-signed" })
    t.equal({ answers.passes(refused), refused.message }, { false,
      "GET /x: self-signed; name the authority of Druid's certificates in spec.api.ca" })
    t.equal(text(503, ""), "GET /x of Service y: HTTP 503; no leader is known yet; it may still be starting")
  end,
  ["an empty load status is unknown, not good"] = function(t)
    t.equal(coordinator.missing(json.decode('{}')), nil)
    t.equal(coordinator.missing(json.decode('{"_default_tier":{}}')), nil)
    t.equal(coordinator.missing(json.decode('{"a":{"x":2,"y":0},"b":{"x":1}}')), 3)
    t.equal(coordinator.missing(json.decode('{"x":0}')), 0)
  end,
  ["the list of hosts that give up their segments is read, changed and written only when it changes"] = function(t)
    local sent = {}
    local druid = open({ ["GET " .. through_service .. "config"] = { body = '{"decommissioningNodes":["a:1","b:1"]}' },
      ["POST " .. through_service .. "config"] = function(request)
        sent[#sent + 1] = request.body
        return { body = "" }
      end })
    t.equal(coordinator.decommission(druid, { "a:1" }, { "c:1" }), { "a:1", "b:1" })
    t.equal(coordinator.decommission(druid, { "c:1" }, { "a:1" }), { "b:1", "c:1" })
    t.equal(coordinator.decommission(druid, {}, { "a:1", "b:1" }), {})
    t.equal(sent, { '{"decommissioningNodes":["b:1","c:1"]}', '{"decommissioningNodes":[]}' })
  end,
  ["a worker is asked at its own address, and a Druid host name is a pod"] = function(t)
    local druid, asked = open({ ["GET http://10.0.0.4:8091/druid/worker/v1/enabled"] = { body = '{"h:8091":false}' },
      ["POST http://10.0.0.4:8091/druid/worker/v1/disable"] = { body = '{"h:8091":"disabled"}' } })
    local worker = process.pods(druid, "middleManager")[1]
    t.equal(process.is_worker_enabled(druid, worker), false)
    t.equal(process.disable_worker(druid, worker, "drained"), true)
    t.equal(asked[2].headers["X-Druid-Comment"], "drained")
    for _, host in ipairs(process.hosts(druid, worker)) do
      t.equal(process.pod_of_host(druid, host), "druid-demo-workers-0")
    end
    t.equal(process.pod_of_host(druid, "druid-other-workers-0:8091"), nil)
  end,
  ["the leader is a pod, by its address or by asking"] = function(t)
    local druid = open({ ["GET " .. through_service .. "leader"] = { body = "http://10.0.0.2:8081" } })
    t.equal(coordinator.leader(druid), { url = "http://10.0.0.2:8081", pod = "druid-demo-coordinators-1" })
    druid = open({ ["GET " .. through_service .. "leader"] = { body = '"http://elsewhere:8081"\n' },
      ["GET http://10.0.0.1:8081/druid/coordinator/v1/isLeader"] = { body = '{"leader":true}' } })
    t.equal(coordinator.leader(druid).pod, "druid-demo-coordinators-0")
  end,
  ["segments are counted by server"] = function(t)
    local druid = open({ ["POST http://druid-demo-routers.ns:8888/druid/v2/sql"] = {
      body = '[{"server":"h:8083","segments":2}]' } })
    t.equal(query.segments_by_server(druid), { ["h:8083"] = 2 })
  end,
  ["a preview sends nothing, and a cluster without the process says so"] = function(t)
    local druid, asked = open({})
    druid.previewing = true
    t.equal(coordinator.config(druid), nil)
    t.equal(#asked, 0)
    local none = spec()
    none.nodes = { workers = node("middleManager", 8091) }
    local _, err = coordinator.config((open({}, none)))
    t.equal(err.code, "no_place")
  end,
  ["the calls of one run end when their time is used up"] = function(t)
    local druid, asked = open({ ["GET " .. through_service .. "config"] = { body = "{}" } })
    druid.spent_ms = client.budget_ms
    local _, err = coordinator.config(druid)
    t.equal({ err.code, #asked }, { "busy", 0 })
  end,
}
