-- Whole runs against a Druid of tables that keeps what it is given: what is submitted, how often, and what is
-- told. `lose` = a piece of "METHOD path" whose answers get lost after Druid has acted; `down` = nobody there.

local client = require "druid.client"
local condition = require "lib.condition"
local gate = require "druid.client.gate"
local ingestion = require "ingestion.init"
local job_of = require "ingestion.job"
local retire = require "ingestion.retire"

local worlds = 0

local function answer(value, status)
  local body = value ~= nil and (type(value) == "string" and value or json.encode(value)) or ""
  return { status = status or 200, headers = {}, body = body }
end

-- The endpoints of an Overlord and a Coordinator. db: tasks, supervisors, rules, compaction, posts.
local function druid_answer(db, method, path, body)
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

local function new_world(ingestion_spec, more)
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
    local path = request.url:match("^http://[^/]+(/.*)$")
    local made = druid_answer(world.db, request.method, path, request.body and json.decode(request.body))
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

local function batch(extra)
  local spec = { type = "index_parallel", spec = { dataSchema = { dataSource = "wiki" } } }
  for key, value in pairs(extra or {}) do
    spec[key] = value
  end
  return { type = "native-batch", nativeSpec = spec }
end

local function stream(extra)
  local spec = { type = "kafka", spec = { dataSchema = { dataSource = "wiki" }, ioConfig = { topic = "t" } } }
  for key, value in pairs(extra or {}) do
    spec.spec[key] = value
  end
  return { type = "kafka", nativeSpec = spec }
end

local function has(list, wanted)
  return (" " .. table.concat(list, " ") .. " "):find(" " .. wanted .. " ", 1, true) ~= nil
end

return {
  ["Q25: a batch is submitted once and followed to its end, and its specification is never written"] = function(t)
    local world = new_world(batch())
    local spec = json.encode(world.object.spec)
    t.ok(world.run().requeue_ms)
    t.equal(json.encode(world.object.spec), spec)
    t.equal({ world.status().phase, world.status().type }, { "Running", "DruidIngestionControllerCreateSuccess" })
    t.equal(world.object.metadata.finalizers, { job_of.finalizer })
    t.equal(world.events, { "DruidIngestionControllerCreateSuccess" })
    world.run()
    world.db.tasks[world.db.posts[1]] = "SUCCESS"
    world.run()
    t.equal({ world.status().phase, world.events[1] }, { "Succeeded", "TaskSucceeded" })
    t.equal({ world.run() == nil, #world.db.posts, #world.events }, { true, 1, 0 }, "nothing is left to look at")
    t.ok(condition.is_true(world.status().conditions, "Ready"))
  end,
  ["Q25: a lost answer submits nothing twice"] = function(t)
    local world = new_world(batch())
    world.lose = "POST /druid/indexer/v1/task"
    world.run()
    t.equal(world.status().phase, "Waiting")
    t.equal(world.events, {})
    world.lose = nil
    world.run()
    t.equal({ world.status().phase, #world.db.posts, world.status().taskId }, { "Running", 1, world.db.posts[1] })
  end,
  ["a status that was lost submits nothing twice"] = function(t)
    local world = new_world(batch())
    world.run()
    world.object.status = nil
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 1 })
  end,
  ["a task that failed is told with Druid's words and not run again"] = function(t)
    local world = new_world(batch())
    world.run()
    world.db.tasks[world.db.posts[1]], world.db.error = "FAILED", "no such file"
    world.run()
    world.run()
    t.equal({ world.status().phase, #world.db.posts, #world.events }, { "Failed", 1, 0 })
    t.ok(world.status().message:find("no such file", 1, true), world.status().message)
  end,
  ["a task that Druid forgot is told and not run again"] = function(t)
    local world = new_world(batch())
    world.run()
    world.db.tasks = {}
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Lost", 1 })
  end,
  ["another specification ends the running task and is submitted then"] = function(t)
    local world = new_world(batch())
    world.run()
    local first = world.status().taskId
    world.object.spec.ingestion = batch({ context = { a = 1 } })
    world.run()
    t.equal(world.db.tasks[first], "FAILED")
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 2 })
    t.ok(world.status().taskId ~= first)
    t.equal(world.status().type, "DruidIngestionControllerCreateSuccess")
  end,
  ["the same specification in other words, or as text, is the same"] = function(t)
    local world = new_world(batch())
    world.run()
    world.object.spec.ingestion = { type = "native-batch",
      spec = '{ "spec": {"dataSchema": {"dataSource": "wiki"}},\n "type": "index_parallel" }' }
    world.run()
    t.equal(#world.db.posts, 1)
  end,
  ["the annotation runs a finished task once more, and its removal does not"] = function(t)
    local world = new_world(batch())
    world.run()
    world.db.tasks[world.db.posts[1]] = "SUCCESS"
    world.run()
    world.object.metadata.annotations = { [job_of.again] = "2026-01-01" }
    world.run()
    t.equal(#world.db.posts, 2)
    world.run()
    world.object.metadata.annotations = json.object({})
    world.run()
    t.equal(#world.db.posts, 2)
  end,
  ["an id of the user's own is used, and not for two specifications"] = function(t)
    local world = new_world(batch({ id = "mine" }))
    world.run()
    t.equal({ world.db.posts[1], world.status().taskId }, { "mine", "mine" })
    world.db.tasks.mine = "SUCCESS"
    world.run()
    world.object.spec.ingestion = batch({ id = "mine", context = { a = 1 } })
    world.run()
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Rejected", 1 })
    t.ok(world.status().message:find("another id", 1, true))
  end,
  ["suspend stops a batch, and its end begins it anew under another id"] = function(t)
    local world = new_world(batch(), { suspend = true })
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Suspended", 0 })
    world.object.spec.suspend = false
    world.run()
    world.object.spec.suspend = true
    world.run()
    t.equal(world.db.tasks[world.db.posts[1]], "FAILED")
    world.run()
    t.equal(world.status().phase, "Suspended")
    world.object.spec.suspend = false
    world.run()
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 2 })
    t.ok(world.db.posts[1] ~= world.db.posts[2])
  end,
  ["Q25: what Druid refuses is told once and tried again seldom"] = function(t)
    local world = new_world(batch())
    world.db.refuse = "Please make sure to load all the necessary extensions"
    local outcome = world.run()
    t.equal({ world.status().phase, world.status().status, outcome.requeue_ms }, { "Rejected", "False", 60000 })
    t.equal(world.events, { "DruidIngestionControllerCreateFail" })
    world.run()
    t.equal(world.events, {})
    world.db.refuse = nil
    world.run()
    t.equal(world.status().phase, "Running")
  end,
  ["Q25: what the former operator submitted is followed, not submitted again"] = function(t)
    local world = new_world(batch())
    world.db.tasks.old = "RUNNING"
    world.object.status = { taskId = "old", type = "DruidIngestionControllerCreateSuccess", status = "True",
      ["currentIngestionSpec.json"] = '{"type":"index_parallel","spec":{"dataSchema":{"dataSource":"wiki"}}}' }
    world.run()
    t.equal({ world.status().phase, world.status().taskId, #world.db.posts }, { "Running", "old", 0 })
  end,

  ["a supervisor is posted once, and again only for another specification"] = function(t)
    local world = new_world(stream())
    t.equal(world.run().requeue_ms, 60000)
    t.equal({ world.status().phase, world.status().taskId }, { "Running", "wiki" })
    world.run()
    t.equal(#world.db.posts, 1)
    world.object.spec.ingestion = stream({ tuningConfig = { type = "kafka" } })
    world.run()
    t.equal({ #world.db.posts, world.status().type }, { 2, "DruidIngestionControllerUpdateSuccess" })
    world.object.spec.ingestion = stream()
    world.run()
    t.equal(#world.db.posts, 3, "what was taken out of the specification goes")
  end,
  ["a lost answer to a supervisor is verified by its marker"] = function(t)
    local world = new_world(stream())
    world.lose = "POST /druid/indexer/v1/supervisor"
    world.run()
    world.lose = nil
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 1 })
    world.object.spec.ingestion = stream({ tuningConfig = { type = "kafka" } })
    world.lose = "POST /druid/indexer/v1/supervisor"
    world.run()
    world.lose = nil
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 2 })
  end,
  ["a supervisor that was changed or ended in Druid comes back"] = function(t)
    local world = new_world(stream())
    world.run()
    world.db.supervisors.wiki.spec.ioConfig.topic = "other"
    world.run()
    t.equal({ world.db.supervisors.wiki.spec.ioConfig.topic, #world.db.posts }, { "t", 2 })
    world.db.supervisors = {}
    world.run()
    t.equal(#world.db.posts, 3)
  end,
  ["the number of tasks is Druid's when it scales them itself"] = function(t)
    local world = new_world(stream({ ioConfig = { topic = "t", taskCount = 1,
      autoScalerConfig = { enableTaskAutoScaler = true } } }))
    world.run()
    world.db.supervisors.wiki.spec.ioConfig.taskCount = 9
    world.run()
    t.equal(#world.db.posts, 1)
  end,
  ["a supervisor that is there as specified is taken over without a post"] = function(t)
    local world = new_world(stream())
    world.db.supervisors.wiki = { type = "kafka", suspended = false, spec = { dataSchema = { dataSource = "wiki" },
      ioConfig = { topic = "t", taskCount = 1 } } }
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 0 })
  end,
  ["suspend and its end go to the supervisor; a hand that suspended it is respected"] = function(t)
    local world = new_world(stream(), { suspend = true })
    world.run()
    t.equal({ world.status().phase, world.db.supervisors.wiki.suspended }, { "Suspended", true })
    world.object.spec.suspend = false
    world.run()
    t.equal({ world.status().phase, world.db.supervisors.wiki.suspended }, { "Running", false })
    world.db.supervisors.wiki.suspended = true
    world.run()
    t.equal({ world.status().phase, world.db.supervisors.wiki.suspended, #world.db.posts }, { "Suspended", true, 1 })
  end,
  ["an unhealthy supervisor is told once"] = function(t)
    local world = new_world(stream())
    world.db.state = "UNHEALTHY_TASKS"
    world.run()
    t.ok(has(world.events, "SupervisorUnhealthy"))
    world.run()
    t.equal({ world.status().phase, #world.events }, { "Unhealthy", 0 })
  end,
  ["another data source ends the former supervisor"] = function(t)
    local world = new_world(stream())
    world.run()
    world.object.spec.ingestion.nativeSpec.spec.dataSchema.dataSource = "news"
    world.run()
    t.equal({ world.db.supervisors.wiki == nil, world.status().taskId }, { true, "news" })
  end,
  ["a supervisor belongs to one object"] = function(t)
    local world = new_world(stream())
    world.others = { { metadata = { name = "first", uid = "other" }, spec = { druidCluster = "demo" },
      status = { kind = "supervisor", taskId = "wiki" } } }
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Rejected", 0 })
    t.ok(world.status().message:find("first", 1, true))
  end,

  ["Q25: rules and compaction are written once, put back, and removed with the field"] = function(t)
    local made = batch()
    made.rules, made.compaction = { { type = "loadForever", tieredReplicants = { hot = 1 } } }, { skipOffsetFromLatest = "P1D" }
    local world = new_world(made)
    world.run()
    t.equal({ world.db.compaction.wiki.skipOffsetFromLatest, world.db.rules.wiki[1].type, #world.db.posts },
      { "P1D", "loadForever", 3 })
    world.run()
    t.equal(#world.db.posts, 3)
    t.ok(condition.is_true(world.status().conditions, "SettingsApplied"))
    world.db.rules.wiki[1].tieredReplicants = { hot = 2 }
    world.run()
    t.equal(#world.db.posts, 4)
    made.rules, made.compaction = nil, nil
    world.run()
    t.equal({ world.db.compaction.wiki, world.db.rules.wiki }, {})
    t.equal(condition.find(world.status().conditions, "SettingsApplied"), nil)
    t.equal({ world.status().phase, world.status().rules, world.status().compaction }, { "Running" })
  end,
  ["rules that others changed since are left when the field goes"] = function(t)
    local made = batch()
    made.rules = { { type = "loadForever" } }
    local world = new_world(made)
    world.run()
    world.db.rules.wiki = { { type = "dropForever" } }
    made.rules = nil
    world.run()
    t.equal(world.db.rules.wiki, { { type = "dropForever" } })
    t.ok(has(world.events, "SettingsKept"))
  end,

  ["deletion stops the work and lets the data's settings be"] = function(t)
    local made = stream()
    made.rules = { { type = "loadForever" } }
    local world = new_world(made)
    world.run()
    world.delete()
    world.run()
    t.equal({ world.db.supervisors.wiki, world.object.metadata.finalizers }, {})
    t.ok(world.db.rules.wiki)
    world = new_world(batch())
    world.run()
    world.delete()
    world.run()
    t.equal({ world.db.tasks[world.db.posts[1]], world.object.metadata.finalizers }, { "FAILED" })
  end,
  ["deletion finds what was submitted with the answer lost"] = function(t)
    for _, made in ipairs({ batch(), stream() }) do
      local world = new_world(made)
      world.lose = "POST"
      world.run()
      world.lose = nil
      world.delete()
      world.run()
      t.equal(world.db.supervisors.wiki, nil)
      t.equal(world.db.tasks[world.db.posts[1]] ~= "RUNNING", true)
    end
  end,
  ["Q25: the finalizer goes when the Router is gone, after a while, and at once without a cluster"] = function(t)
    local world = new_world(stream())
    world.run()
    world.down = true
    world.delete()
    t.ok(world.run().requeue_ms)
    t.ok(world.object.metadata.finalizers)
    t.equal(world.status().phase, "Deleting")
    world.delete(retire.release_s + 1)
    world.run()
    t.equal(world.object.metadata.finalizers, nil)
    t.equal(world.events, { "DruidIngestionControllerDeleteFail" })
    world = new_world(stream())
    world.run()
    world.cluster = nil
    world.delete()
    world.run()
    t.equal(world.object.metadata.finalizers, nil)
  end,
  ["a pause touches nothing and does not hold up a deletion"] = function(t)
    local world = new_world(batch())
    world.object.metadata.annotations = { [job_of.ignored] = "true" }
    world.run()
    t.equal({ world.status().phase, world.asked }, { "Paused" })
    world.object.metadata.finalizers = { job_of.finalizer }
    world.delete()
    world.run()
    t.equal(world.object.metadata.finalizers, nil)
  end,
  ["a cluster that is silent changes no word about what runs"] = function(t)
    local world = new_world(batch())
    world.run()
    local before = json.encode(world.status())
    world.down = true
    t.ok(world.run().requeue_ms)
    t.equal({ json.encode(world.status()), #world.events }, { before, 0 })
  end,
  ["a preview asks nobody"] = function(t)
    local world = new_world(batch())
    world.previewing = true
    world.run()
    t.equal(world.asked, nil)
  end,
  ["without its cluster it waits, and a wrong one is told with the field"] = function(t)
    local world = new_world(batch())
    world.cluster = nil
    t.ok(world.run().requeue_ms)
    t.equal(world.status().phase, "Waiting")
    world = new_world({ type = "native-batch" })
    local outcome = world.run()
    t.ok(outcome.terminal:find("spec.ingestion.nativeSpec is missing", 1, true))
    t.equal({ world.status().phase, #world.events, world.asked }, { "Invalid", 1 })
    world.run()
    t.equal(#world.events, 0)
  end,
}
