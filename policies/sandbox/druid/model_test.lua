-- A cluster of eight pods, and what its processes answer in each situation.
local front = require "druid.front"
local model = require "druid.model"
local processes = require "druid.processes"
local states = require "druid.state"

local START = 1767225600 -- of every pod, unless said otherwise

local function pod(kind, ordinal, change)
  local group = "druid-c-" .. kind
  local made = {
    metadata = { name = group .. "-" .. ordinal, namespace = "n", uid = group .. ordinal,
      labels = { druid_cr = "c", component = kind, nodeSpecUniqueStr = group } },
    spec = { hostname = group .. "-" .. ordinal, subdomain = group,
      containers = { { name = group, image = "apache/druid:33.0.0" } } },
    status = { phase = "Running", podIP = "10.1.0." .. ordinal,
      containerStatuses = { { name = group, state = { running = { startedAt = clock.rfc3339(START) } } } } },
  }
  if change then change(made) end
  return made
end

-- A cluster as the caches have it. data: of the model's ConfigMap; properties: runtime.properties by type.
local function world(data, properties)
  local self = { pods = {}, now_ms = (START + 1000) * 1000, data = data or {}, properties = properties or {} }
  for _, kind in ipairs{ "broker", "coordinator", "historical", "middleManager", "overlord", "router" } do
    for ordinal = 0, (kind == "broker" or kind == "router") and 0 or 1 do
      self.pods[#self.pods + 1] = pod(kind, ordinal)
    end
  end
  function self.list() return self.pods end
  function self.get(what)
    if what.kind == "Service" then return { spec = { clusterIP = "None" } } end
    local kind = what.kind == "ConfigMap" and what.name:match("^druid%-c%-(%a+)%-config$")
    if kind then return { data = { ["runtime.properties"] = self.properties[kind] or "" } } end
    if what.kind == "PersistentVolumeClaim" then return { metadata = { uid = "claim-" .. what.name } } end
    return nil
  end
  return self
end

local function find(self, name)
  for i, one in ipairs(self.pods) do
    if one.metadata.name == name then return one, i end
  end
  error("no pod " .. name)
end

-- The state after the time has passed, kept as the ConfigMap would keep it.
local function look(self)
  local state = states.of({ data = self.data })
  local view, next_ms = model.look(self, state, "n", "c", self.now_ms)
  self.data = states.data(state, self.data)
  return view, next_ms
end

-- Lets the seconds pass, stopping where something happens by itself.
local function pass(self, seconds)
  local until_ms = self.now_ms + seconds * 1000
  for _ = 1, 500 do
    local _, next_ms = look(self)
    if not next_ms or next_ms > until_ms then break end
    self.now_ms = next_ms
  end
  self.now_ms = until_ms
  look(self)
end

local function ask(self, name, method, path, body, headers)
  local state = states.of({ data = self.data })
  local view = model.look(self, state, "n", "c", self.now_ms)
  local bare, query = path:match("^([^?]*)%??(.*)$")
  local answer = model.respond({ sleep = function() end }, view, view.by_pod[name],
    { method = method, path = bare, query = query, body = body and json.encode(body) or "",
      headers = headers or { ["content-type"] = body and "application/json" or nil } })
  self.data = states.data(state, self.data)
  return answer
end

local function get(self, name, path)
  local answer = ask(self, name, "GET", path)
  local value = json.decode(answer.body)
  return value, answer
end

local function restart(self, name, after, volume)
  local old, index = find(self, name)
  local fresh = json.copy(old)
  fresh.metadata.uid = old.metadata.uid .. "+"
  fresh.status.containerStatuses[1].state.running.startedAt = clock.rfc3339(self.now_ms // 1000 + (after or 0))
  if volume then fresh.spec.volumes = { { name = "v", persistentVolumeClaim = { claimName = volume } } } end
  self.pods[index] = fresh
end

local function gone(self, name)
  local _, index = find(self, name)
  return table.remove(self.pods, index)
end

local ROUTER, OVERLORD, STANDBY = "druid-c-router-0", "druid-c-overlord-0", "druid-c-overlord-1"
local H0, H1 = "druid-c-historical-0", "druid-c-historical-1"
local M0, M1 = "druid-c-middleManager-0", "druid-c-middleManager-1"
local PROXY = { router = "druid.router.managementProxy.enabled=true" }
local function name_of(name) return name .. "." .. name:match("^(.*)%-%d+$") .. ".n.svc.cluster.local" end

local function view_of(self) return (look(self)) end

return {
  ["the older one leads, the other sends there, and a Router passes on"] = function(t)
    local self = world(nil, PROXY)
    find(self, OVERLORD).status.containerStatuses[1].state.running.startedAt = clock.rfc3339(START + 9)
    local url = "http://" .. name_of(STANDBY) .. ":8090"
    t.equal(ask(self, OVERLORD, "GET", "/druid/indexer/v1/leader").body, url)
    t.equal(ask(self, ROUTER, "GET", "/druid/indexer/v1/leader").body, url)
    t.equal(ask(self, OVERLORD, "GET", "/druid/indexer/v1/isLeader").status, 404)
    t.equal(ask(self, ROUTER, "GET", "/druid/indexer/v1/isLeader").status, 200)
    local answer = ask(self, OVERLORD, "GET", "/druid/indexer/v1/tasks?state=running")
    t.equal(answer.status, 307)
    t.equal(answer.headers.Location, url .. "/druid/indexer/v1/tasks?state=running")
    t.equal(ask(self, STANDBY, "GET", "/druid/indexer/v1/workers").status, 200)
    t.equal(ask(self, ROUTER, "GET", "/druid/worker/v1/enabled").status, 404)
    t.equal(ask(world(), ROUTER, "GET", "/druid/indexer/v1/leader").status, 404)
  end,
  ["nobody leads while the leader stops, and none of them when the faults say so"] = function(t)
    local self = world(nil, PROXY)
    find(self, OVERLORD).metadata.deletionTimestamp = "2026-01-01T00:00:00Z"
    t.equal(ask(self, ROUTER, "GET", "/druid/indexer/v1/workers").status, 503)
    t.equal(ask(self, STANDBY, "GET", "/druid/indexer/v1/workers").status, 503)
    gone(self, OVERLORD)
    t.equal(ask(self, ROUTER, "GET", "/druid/indexer/v1/workers").status, 200)
    self.data.faults = "[{noLeader: overlord}]"
    t.equal(ask(self, ROUTER, "GET", "/druid/indexer/v1/workers").status, 503)
    t.equal(ask(self, ROUTER, "GET", "/druid/coordinator/v1/servers").status, 200)
  end,
  ["segments are there from the start, with two replicas"] = function(t)
    local self = world(nil, PROXY)
    pass(self, 20)
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus"), { wiki = 100.0 })
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?simple"), { wiki = 0 })
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?full"), { _default_tier = { wiki = 0 } })
    local servers = get(self, ROUTER, "/druid/coordinator/v1/servers?simple")
    t.equal(#servers, 2)
    t.equal(servers[1].currSize, 8000000)
    t.equal(servers[1].host, name_of(H0) .. ":8083")
    t.equal(#get(self, ROUTER, "/druid/coordinator/v1/servers/" .. servers[1].host .. "/segments"), 8)
    t.equal(get(self, H0, "/model/unavailable"), { unavailable = 0, worst = 0, worstAt = "", whole = true })
  end,
  ["a Historical that comes back is announced before it is queryable, and the figures are late"] = function(t)
    local self = world(nil, PROXY)
    pass(self, 20)
    restart(self, H0, 0, "cache")
    pass(self, 1) -- it starts: gone from the servers
    t.equal(#get(self, ROUTER, "/druid/coordinator/v1/servers"), 1)
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?full"), { _default_tier = { wiki = 0 } })
    pass(self, 2) -- announced, not seen
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/servers?simple")[1].currSize, 0)
    pass(self, 3) -- the duties have run
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?full"), { _default_tier = { wiki = 8 } })
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?simple"), { wiki = 0 })
    pass(self, 40) -- its cache was new: all is loaded again
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?full"), { _default_tier = { wiki = 0 } })
    restart(self, H0, 0)
    pass(self, 7) -- the same claim: everything is there as soon as it is seen
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/servers?simple")[1].currSize, 8000000)
    t.equal(view_of(self).state.status.worst, 0)
  end,
  ["what no Historical has is unavailable, and the worst is remembered"] = function(t)
    local self = world(nil, PROXY)
    pass(self, 20)
    gone(self, H0)
    pass(self, 10)
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?full&computeUsingClusterView"),
      { _default_tier = { wiki = 0 } })
    gone(self, H1)
    pass(self, 10)
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?simple"), { wiki = 8 })
    t.equal(get(self, M0, "/model/unavailable").worst, 8)
  end,
  ["a new leader knows nothing before its first duties"] = function(t)
    local self = world(nil, PROXY)
    pass(self, 20)
    gone(self, "druid-c-coordinator-0")
    pass(self, 5)
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?full"), {})
    pass(self, 10)
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?full"), { _default_tier = { wiki = 0 } })
  end,
  ["a server that is decommissioned is emptied once its segments are elsewhere"] = function(t)
    local self = world(nil, PROXY)
    self.data.settings = "datasources: {wiki: {segments: 4, size: 10}}\n"
    self.pods[#self.pods + 1] = pod("historical", 2)
    pass(self, 60)
    local host = name_of("druid-c-historical-2") .. ":8083"
    t.ok(#get(self, ROUTER, "/druid/coordinator/v1/servers/" .. host .. "/segments") > 0)
    t.equal(ask(self, ROUTER, "POST", "/druid/coordinator/v1/config", { decommissioningNodes = { host } }).status, 200)
    pass(self, 60)
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/servers/" .. host .. "/segments"), {})
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/loadstatus?full"), { _default_tier = { wiki = 0 } })
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/config").decommissioningNodes, { host })
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/config").maxSegmentsToMove, 100)
  end,
  ["rules decide how many replicas there are; they are checked and kept"] = function(t)
    local self = world(nil, PROXY)
    pass(self, 20)
    local path = "/druid/coordinator/v1/rules/_default"
    t.equal(ask(self, ROUTER, "POST", path, { { type = "loadNever" } }).status, 400)
    t.equal(ask(self, ROUTER, "POST", path, { { type = "loadForever", tieredReplicants = { _default_tier = 1 } } },
      { ["content-type"] = "application/json", ["x-druid-author"] = "me" }).status, 200)
    pass(self, 30)
    local servers = get(self, ROUTER, "/druid/coordinator/v1/servers?simple")
    t.equal(servers[1].currSize + servers[2].currSize, 8000000)
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/rules").wiki, nil)
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/rules/wiki?full")[1].tieredReplicants, { _default_tier = 1 })
    t.equal(get(self, ROUTER, "/druid/coordinator/v1/rules/history?count=1")[1].auditInfo.author, "me")
  end,
  ["tasks are handed to workers, run and end; a disabled worker gets none"] = function(t)
    local self = world(nil, PROXY)
    local function submit(id, seconds)
      return ask(self, ROUTER, "POST", "/druid/indexer/v1/task", { type = "noop", id = id, runTime = seconds * 1000 })
    end
    t.equal(json.decode(submit("a", 20).body), { task = "a" })
    t.equal(submit("a", 20).status, 400)
    t.equal(json.decode(ask(self, M0, "POST", "/druid/worker/v1/disable").body), { [name_of(M0) .. ":8091"] = "disabled" })
    pass(self, 2)
    t.equal(get(self, M1, "/druid/worker/v1/tasks"), { "a" })
    local workers = get(self, ROUTER, "/druid/indexer/v1/workers")
    t.equal({ workers[1].worker.version, workers[2].worker.version }, { "", "0" })
    t.equal(workers[2].runningTasks, { "a" })
    t.equal(get(self, ROUTER, "/druid/indexer/v1/task/a/status").status.location.port, 8100)
    pass(self, 30)
    t.equal(get(self, ROUTER, "/druid/indexer/v1/task/a/status").status.statusCode, "SUCCESS")
    t.equal(get(self, M1, "/druid/worker/v1/tasks"), {})
    restart(self, M0)
    pass(self, 10) -- enabled again by itself
    t.equal(get(self, M0, "/druid/worker/v1/enabled"), { [name_of(M0) .. ":8091"] = true })
    t.equal(ask(self, ROUTER, "POST", "/druid/indexer/v1/worker/nobody:1/disable").status, 500)
  end,
  ["a task fails when its worker comes back, or stays away for too long; a restored one goes on"] = function(t)
    for _, row in ipairs{
      { supervisor = false, restore = "true", wanted = "FAILED" },
      { supervisor = true, restore = "false", wanted = "FAILED" },
      { supervisor = true, restore = "true", wanted = "RUNNING" },
      { supervisor = true, restore = "true", away = 1000, wanted = "FAILED" },
    } do
      local self = world({ settings = "supervisors: {clicks: {taskCount: 1}}\n" }, { router = PROXY.router,
        middleManager = "druid.indexer.task.restoreTasksOnRestart=" .. row.restore })
      for _, name in ipairs{ M0, M1 } do
        find(self, name).spec.volumes = { { name = "v", persistentVolumeClaim = { claimName = name } } }
      end
      ask(self, ROUTER, "POST", "/druid/indexer/v1/task", { type = "noop", id = "a", runTime = 9000000 })
      pass(self, 3)
      local id = "a"
      if row.supervisor then
        id = get(self, ROUTER, "/druid/indexer/v1/supervisor/clicks/status").payload.activeTasks[1].id
      end
      local on = view_of(self).state.tasks[id].worker
      if row.away then
        gone(self, on)
        pass(self, row.away)
      else
        restart(self, on)
        pass(self, 10)
      end
      t.equal(get(self, ROUTER, "/druid/indexer/v1/task/" .. id .. "/status").status.statusCode, row.wanted)
    end
  end,
  ["a group that is handed off publishes, and its successor starts elsewhere"] = function(t)
    local self = world({ settings = "supervisors: {clicks: {taskCount: 2}}\n" }, PROXY)
    pass(self, 3)
    local path = "/druid/indexer/v1/supervisor/clicks"
    local before = get(self, ROUTER, path .. "/status").payload.activeTasks
    t.equal(#before, 2)
    t.equal(ask(self, ROUTER, "POST", path .. "/taskGroups/handoff", { taskGroupIds = { 0 } }).status, 202)
    pass(self, 2)
    local payload = get(self, ROUTER, path .. "/status").payload
    t.equal({ #payload.activeTasks, #payload.publishingTasks }, { 2, 1 })
    pass(self, 12)
    t.equal(#get(self, ROUTER, path .. "/status").payload.publishingTasks, 0)
    t.equal(ask(self, ROUTER, "POST", path .. "/suspend").status, 200)
    t.equal(ask(self, ROUTER, "POST", path .. "/suspend").status, 400)
    pass(self, 12)
    t.equal(get(self, ROUTER, "/druid/indexer/v1/tasks?state=running"), {})
    t.equal(ask(self, ROUTER, "POST", path .. "/terminate").status, 200)
    t.equal(ask(self, ROUTER, "POST", path .. "/terminate").status, 404)
    t.equal(get(self, ROUTER, "/druid/indexer/v1/supervisor"), {})
  end,
  ["supervisors are made, kept when unmodified, and refused when of an unknown type"] = function(t)
    local self = world(nil, PROXY)
    local path = "/druid/indexer/v1/supervisor"
    local spec = { type = "kafka", spec = { dataSchema = { dataSource = "x" },
      ioConfig = { topic = "x", taskDuration = "PT5M" } } }
    t.equal(json.decode(ask(self, ROUTER, "POST", path, spec).body), { id = "x" })
    pass(self, 3)
    t.equal(ask(self, ROUTER, "POST", path .. "?skipRestartIfUnmodified=true", spec).status, 200)
    t.equal(#get(self, ROUTER, "/druid/indexer/v1/tasks"), 1)
    ask(self, ROUTER, "POST", path, spec)
    pass(self, 3)
    t.equal(#get(self, ROUTER, "/druid/indexer/v1/tasks"), 2)
    t.equal(ask(self, ROUTER, "POST", path, { type = "nope" }).status, 400)
    t.equal(get(self, ROUTER, path .. "?state=true")[1].healthy, true)
    t.equal(ask(self, ROUTER, "GET", path .. "/y").status, 404)
    t.equal(json.decode(ask(self, ROUTER, "POST", path, { type = "autocompact", spec = { dataSource = "wiki" } }).body),
      { id = "autocompact__wiki" })
  end,
  ["a specification comes back in other words"] = function(t)
    local self = world(nil, PROXY)
    ask(self, ROUTER, "POST", "/druid/indexer/v1/supervisor", { type = "kafka", spec = {
      dataSchema = { dataSource = "x", granularitySpec = { segmentGranularity = "day", queryGranularity = "none" },
        dimensionsSpec = { dimensions = { "page" } } }, ioConfig = { topic = "x", taskDuration = "PT1H30M" } } })
    local spec = get(self, ROUTER, "/druid/indexer/v1/supervisor/x").spec
    local io, schema = spec.ioConfig, spec.dataSchema
    t.equal({ io.topic, io.taskDuration, io.taskCount, io.period }, { "x", "PT5400S", 1, "PT30S" })
    t.equal(schema.granularitySpec, { segmentGranularity = "DAY", queryGranularity = { type = "none" } })
    t.equal(schema.dimensionsSpec.dimensions[1].name, "page")
  end,
  ["tasks that are Jobs need no worker"] = function(t)
    local self = world(nil, { router = PROXY.router, overlord = "druid.indexer.runner.type=k8s" })
    t.equal(ask(self, ROUTER, "GET", "/druid/indexer/v1/workers").status, 500)
    ask(self, ROUTER, "POST", "/druid/indexer/v1/task", { type = "noop", id = "a", runTime = 5000 })
    gone(self, M0)
    gone(self, M1)
    pass(self, 3)
    t.equal(get(self, ROUTER, "/druid/indexer/v1/task/a/status").status.runnerStatusCode, "RUNNING")
    pass(self, 10)
    t.equal(get(self, ROUTER, "/druid/indexer/v1/task/a/status").status.status, "SUCCESS")
  end,
  ["a Coordinator that is an Overlord too answers for both; one that is not passes on"] = function(t)
    local self = world(nil, { coordinator = "druid.coordinator.asOverlord.enabled=true" })
    gone(self, OVERLORD)
    gone(self, STANDBY)
    t.equal(ask(self, "druid-c-coordinator-0", "GET", "/druid/indexer/v1/isLeader").status, 200)
    t.equal(ask(self, "druid-c-coordinator-0", "GET", "/druid/indexer/v1/workers").status, 200)
    t.equal(ask(self, "druid-c-coordinator-1", "GET", "/druid/indexer/v1/workers").status, 307)
    t.equal(ask(world(), "druid-c-coordinator-1", "GET", "/druid/indexer/v1/workers").status, 200)
  end,
  ["a process listens on the ports and in the schemes that its configuration names"] = function(t)
    for _, row in ipairs{
      { "", "http", 8083, true }, { "", "https", 8083, "cut" }, { "", "http", 8084, false },
      { "druid.enableTlsPort=true", "https", 8283, true }, { "druid.enableTlsPort=true", "http", 8283, "cut" },
      { "druid.enablePlaintextPort=false\ndruid.enableTlsPort=true\ndruid.tlsPort=9", "https", 9, true },
      { "druid.enablePlaintextPort=false", "http", 8083, false },
    } do
      local self = world(nil, { historical = row[1] })
      t.equal(processes.listens_on(view_of(self).by_pod[H0], row[2], row[3]), row[4], row[1])
    end
  end,
  ["the worker configuration is taken as it comes, even what wipes it"] = function(t)
    local self = world(nil, PROXY)
    local path = "/druid/indexer/v1/worker"
    t.equal(ask(self, ROUTER, "GET", path).body, "")
    ask(self, ROUTER, "POST", path, { type = "default", selectStrategy = { type = "fillCapacity" } })
    t.equal(get(self, ROUTER, path).selectStrategy.type, "fillCapacity")
    t.equal(ask(self, ROUTER, "POST", path, { type = "nope" }).status, 200)
    t.equal(get(self, ROUTER, path).selectStrategy, json.null)
    t.equal(ask(self, ROUTER, "POST", path, nil, { ["content-type"] = "text/plain" }).status, 415)
  end,
  ["the two lists of tasks can be made to disagree"] = function(t)
    local self = world(nil, PROXY)
    ask(self, ROUTER, "POST", "/druid/indexer/v1/task", { type = "noop", id = "a", runTime = 5000 })
    ask(self, M1, "POST", "/druid/worker/v1/disable")
    pass(self, 2)
    self.data.faults = "[{hiddenTask: a}]"
    t.equal(get(self, ROUTER, "/druid/indexer/v1/tasks"), {})
    t.equal(get(self, M0, "/druid/worker/v1/tasks"), { "a" })
    self.data.faults = "[{lostTask: a}]"
    pass(self, 60)
    t.equal(get(self, M0, "/druid/worker/v1/tasks"), {})
    t.equal(get(self, ROUTER, "/druid/indexer/v1/workers")[1].runningTasks, { "a" })
    ask(self, ROUTER, "POST", "/druid/indexer/v1/task/a/shutdown")
    t.equal(get(self, ROUTER, "/druid/indexer/v1/task/a/status").status.status, "FAILED")
  end,
  ["SQL over the system tables"] = function(t)
    local self = world(nil, PROXY)
    pass(self, 20)
    local function sql(text) return json.decode(ask(self, ROUTER, "POST", "/druid/v2/sql", { query = text }).body) end
    t.equal(sql("SELECT 1"), { { ["EXPR$0"] = 1 } })
    t.equal(sql('SELECT "server", COUNT(*) AS "n" FROM sys.server_segments GROUP BY 1'),
      { { server = name_of(H0) .. ":8083", n = 8 }, { server = name_of(H1) .. ":8083", n = 8 } })
    t.equal(sql("SELECT server_type, version FROM sys.servers WHERE server_type = 'broker'"),
      { { server_type = "broker", version = "33.0.0" } })
    t.equal(sql("SELECT COUNT(*) FROM sys.segments WHERE is_available = 1"), { { ["EXPR$0"] = 8 } })
    t.equal(sql("SELECT COUNT(*) AS c FROM wiki"), { { c = 8000 } })
    t.equal(sql("SELECT task_id FROM sys.tasks WHERE runner_status='RUNNING'"), {})
    t.equal(ask(self, ROUTER, "POST", "/druid/v2/sql", { query = "SELECT a FROM nowhere" }).status, 400)
    gone(self, "druid-c-broker-0")
    t.equal(ask(self, ROUTER, "POST", "/druid/v2/sql", { query = "SELECT 1" }).status, 502)
  end,
  ["a query that writes becomes a task with the id it names, once"] = function(t)
    local self = world(nil, PROXY)
    pass(self, 20)
    local function post(query, id)
      local answer = ask(self, ROUTER, "POST", "/druid/v2/sql/task", { query = query, context = { sqlQueryId = id } })
      return answer.status, json.decode(answer.body)
    end
    local status, body = post("INSERT INTO \"news\" SELECT 1 PARTITIONED BY DAY", "a")
    t.equal({ status, body }, { 202, { taskId = "query-a", state = "RUNNING" } })
    status, body = post("INSERT INTO news SELECT 1 PARTITIONED BY DAY", "a")
    t.equal({ status, body.state }, { 500, "FAILED" })
    status = post("SELECT 1", "b")
    t.equal(status, 400)
    pass(self, 20)
    local task = get(self, ROUTER, "/druid/indexer/v1/task/query-a/status").status
    t.equal({ task.status, task.dataSource, task.type }, { "SUCCESS", "news", "query_controller" })
  end,
  ["who has users asks for a password, but for its probes"] = function(t)
    local users = { admin = "secret" }
    local function denied(path, header)
      local answer = front.denied(users, { path = path, headers = { authorization = header } })
      return answer and answer.status
    end
    t.equal(denied("/status"), 401)
    t.equal(denied("/status/health"), nil)
    t.equal(denied("/status", "Basic " .. digest.base64("admin:secret")), nil)
    t.equal(denied("/status", "Basic " .. digest.base64("admin:wrong")), 401)
    t.equal(front.denied({}, { path = "/status", headers = {} }), nil)
  end,
  ["settings and faults that cannot be meant are told by name"] = function(t)
    for text, pattern in pairs{ ["anounce: 3"] = "'anounce' is unknown", ["announce: x"] = "must be of type number" } do
      t.fails(function() states.of({ data = { settings = text } }) end, pattern)
    end
    t.fails(function() states.of({ data = { faults = "[{anwser: hang}]" } }) end, "'anwser' is unknown")
    t.equal(states.of({ data = {} }).settings.announce, 2)
  end,
}
