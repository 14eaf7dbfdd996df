-- A world for whole runs: a DruidIngestion, its cluster, and a Druid of tables that keeps what it is given.
-- `slow` = posts are not answered, and act later; `lose` = a piece of "METHOD path" whose answers get lost after
-- Druid has acted; `down` = nobody there.

local client = require "druid.client"
local gate = require "druid.client.gate"
local ingestion = require "ingestion.init"

local M = {}

local worlds = 0

local function answer(value, status)
  local body = value ~= nil and (type(value) == "string" and value or json.encode(value)) or ""
  return { status = status or 200, headers = {}, body = body }
end

-- A Broker that makes tasks of queries. db: queries (what was posted), no_sql.
local function broker_answer(db, body)
  if db.no_sql then
    return { status = 404, headers = {}, body = "<html><title>Error 404 Not Found</title></html>" }
  end
  local id = "query-" .. body.context.sqlQueryId
  db.queries = db.queries or {}
  db.queries[#db.queries + 1] = body
  if db.refuse or db.tasks[id] then
    return answer({ taskId = body.context.sqlQueryId, state = "FAILED", error = { error = "druidException",
      errorMessage = db.refuse or "already exists" } }, db.refuse and 400 or 500)
  end
  db.tasks[id] = "RUNNING"
  return answer({ taskId = id, state = "RUNNING" }, 202)
end

-- The endpoints of an Overlord and a Coordinator. db: tasks, supervisors, rules, compaction, posts.
local function druid_answer(db, method, path, body)
  if path == "/druid/v2/sql/task" then
    return broker_answer(db, body)
  end
  local id, verb = path:match("^/druid/indexer/v1/task/([^/]+)/(%a+)$")
  if path == "/druid/indexer/v1/task" then
    db.posts[#db.posts + 1] = body.id
    if db.refuse then
      return answer({ error = db.refuse }, 400)
    elseif db.tasks[body.id] then
      return answer({ errorMessage = "Task[" .. body.id .. "] already exists" }, 400)
    end
    db.tasks[body.id] = "RUNNING"
    return answer({ task = body.id })
  elseif id then
    if not db.tasks[id] then
      return answer("Cannot find any task with id: [" .. id .. "]", 404)
    elseif verb == "shutdown" then
      db.tasks[id] = db.tasks[id] == "RUNNING" and "FAILED" or db.tasks[id]
      return answer({ task = id })
    end
    return answer({ task = id, status = { id = id, statusCode = db.tasks[id], errorMsg = db.error or json.null } })
  end
  if path:find("^/druid/indexer/v1/supervisor%?") then
    local name = body.spec.dataSchema and body.spec.dataSchema.dataSource or "autocompact__" .. body.spec.dataSource
    db.posts[#db.posts + 1] = name
    body.suspended = body.suspended or false
    body.spec.added = "by Druid"
    db.supervisors[name] = body
    return answer({ id = name })
  end
  id, verb = path:match("^/druid/indexer/v1/supervisor/([^/]+)/?(%a*)$")
  if id then
    local there = db.supervisors[id]
    if not there then
      return answer("Cannot find any supervisor with id: [" .. id .. "]", 404)
    elseif verb == "terminate" then
      db.supervisors[id] = nil
    elseif verb == "suspend" or verb == "resume" then
      there.suspended = verb == "suspend"
    elseif verb == "status" then
      return answer({ id = id, payload = { state = there.suspended and "SUSPENDED" or db.state or "RUNNING",
        healthy = db.state ~= "UNHEALTHY_TASKS", suspended = there.suspended, recentErrors = json.array({}) } })
    end
    return answer(there)
  end
  id = path:match("^/druid/coordinator/v1/rules/(.+)$")
  if id then
    if method == "POST" then
      db.posts[#db.posts + 1], db.rules[id] = "rules", #body > 0 and body or nil
    end
    return answer(method == "GET" and (db.rules[id] or json.array({})) or nil)
  end
  id = path:match("^/druid/coordinator/v1/config/compaction/?(.*)$")
  if method == "POST" then
    db.posts[#db.posts + 1], db.compaction[body.dataSource] = "compaction", body
    body.taskPriority = 25
    return answer(nil)
  elseif method == "DELETE" then
    db.compaction[id] = nil
    return answer(nil)
  end
  return answer(db.compaction[id], db.compaction[id] and 200 or 404)
end

function M.new(ingestion_spec, more)
  worlds = worlds + 1
  local world = { db = { tasks = {}, supervisors = {}, rules = {}, compaction = {}, posts = {} }, events = {} }
  world.object = { spec = { druidCluster = "demo", ingestion = ingestion_spec }, metadata = { name = "load",
    namespace = "ns", uid = "i" .. worlds, generation = 1, annotations = json.object({}) } }
  for key, value in pairs(more or {}) do
    world.object.spec[key] = value
  end
  local node = { nodeType = "coordinator", ["druid.port"] = 8081, services = { {} } }
  world.cluster = { metadata = { name = "demo", namespace = "ns", uid = "c" .. worlds }, spec = { nodes = { c = node } } }

  local kube = {
    get = function() return world.cluster end,
    list = function(query) return query.kind == "DruidIngestion" and (world.others or {}) or {} end,
    read = function() return nil, { code = "not_found", message = "no such Secret" } end,
  }
  local http = { request = function(request)
    world.asked = (world.asked or 0) + 1
    if world.down then
      return nil, { code = "timeout", message = "no answer" }
    end
    if world.odd then
      return world.odd()
    end
    local path = request.url:match("^http://[^/]+(/.*)$")
    local before = world.slow and json.encode(world.db.supervisors)
    local made = druid_answer(world.db, request.method, path, request.body and json.decode(request.body))
    if world.slow and request.method == "POST" then
      world.late, world.db.supervisors = world.db.supervisors.wiki, json.decode(before)
      return nil, { code = "timeout", message = "no answer yet" }
    end
    if world.lose and (request.method .. " " .. path):find(world.lose, 1, true) then
      return nil, { code = "timeout", message = "the answer was lost" }
    end
    return made
  end }

  -- One run, some time later: what a hung address costs is tested elsewhere.
  function world.run()
    world.events = {}
    require("ingestion.settings").forget(world.object.metadata.uid)
    local ctx = { object = world.object, policy_version = "p", previewing = world.previewing,
      status = function(status)
        world.object.status = json.decode(json.encode(status))
        return true
      end,
      finalizer_add = function(name)
        world.object.metadata.finalizers = { name }
        return true
      end,
      finalizer_remove = function()
        world.object.metadata.finalizers = nil
        return true
      end,
      event = function(event) world.events[#world.events + 1] = event.reason end }
    local open = client.open
    client.open = function(doors, cluster, options)
      options.gate = gate.new()
      return open(doors, cluster, options)
    end
    local outcome, err = ingestion.run(ctx, kube, http)
    client.open = open
    return outcome, err
  end

  function world.status()
    return world.object.status or {}
  end

  function world.delete(seconds_ago)
    world.object.metadata.deletionTimestamp = clock.rfc3339(clock.now() - (seconds_ago or 0))
  end
  return world
end

function M.batch(extra)
  local spec = { type = "index_parallel", spec = { dataSchema = { dataSource = "wiki" } } }
  for key, value in pairs(extra or {}) do
    spec[key] = value
  end
  return { type = "native-batch", nativeSpec = spec }
end

function M.stream(extra)
  local spec = { type = "kafka", spec = { dataSchema = { dataSource = "wiki" }, ioConfig = { topic = "t" } } }
  for key, value in pairs(extra or {}) do
    spec.spec[key] = value
  end
  return { type = "kafka", nativeSpec = spec }
end

function M.has(list, wanted)
  return (" " .. table.concat(list, " ") .. " "):find(" " .. wanted .. " ", 1, true) ~= nil
end

-- Nothing to run here but this.
return setmetatable({
  ["the world stands still until it is run"] = function(t)
    local world = M.new(M.batch())
    t.equal({ #world.db.posts, world.asked, world.object.status }, { 0 })
  end,
}, { __index = M })
