local job_of = require "ingestion.job"
local sql = require "ingestion.sql"
local world_of = require "ingestion.world_test"

local insert = "INSERT INTO wiki SELECT * FROM x PARTITIONED BY DAY"

-- Of a cluster with a Broker, which takes queries.
local function world_with_broker(ingestion, more)
  local world = world_of.new(ingestion, more)
  world.cluster.spec.nodes.b = { nodeType = "broker", ["druid.port"] = 8082, services = { {} } }
  return world
end

local function posted(world)
  return world.db.queries[#world.db.queries]
end

return {
  ["what a query writes to is read from it"] = function(t)
    for text, wanted in pairs({
      [insert] = { "INSERT", "wiki" },
      ["  replace\ninto \"my \"\"wiki\"\"\" OVERWRITE ALL SELECT 1"] = { "REPLACE", "my \"wiki\"" },
      ["-- INSERT INTO a\n/* REPLACE INTO b */ INSERT INTO druid.c SELECT 1"] = { "INSERT", "c" },
      ["INSERT INTO \"druid\".\"d\" SELECT 1"] = { "INSERT", "d" },
      ["SET x = 'INSERT; INTO e';\nSET y = 2; INSERT INTO f SELECT 1"] = { "INSERT", "f" },
      ["INSERT INTO EXTERN(s3(bucket => 'b')) AS CSV SELECT 1"] = { "INSERT" },
      ["INSERT INTO \"EXTERN\" SELECT 1"] = { "INSERT", "EXTERN" },
      ["SELECT 'INSERT INTO g'"] = {}, ["EXPLAIN PLAN FOR INSERT INTO h SELECT 1"] = {}, ["INSERT"] = {}, [""] = {},
      ["/* INSERT INTO i"] = {}, ["INSERT INTO 'j"] = { "INSERT" }, ["SET a = 1"] = {}, [("SET a;"):rep(2000) .. insert] = {},
    }) do
      t.equal({ sql.target(text) }, wanted, text:sub(1, 40))
    end
  end,
  ["a query is submitted once under an id of ours and followed to its end"] = function(t)
    local world = world_with_broker({ type = "sql", nativeSpec = { query = insert, context = { maxNumTasks = 3 } } })
    world.run()
    local body = posted(world)
    t.equal({ body.query, body.context.maxNumTasks, world.status().phase }, { insert, 3, "Running" })
    t.equal(world.status().taskId, "query-" .. body.context.sqlQueryId)
    t.ok(body.context.sqlQueryId:find("^sql_ns_load_%x+$"), body.context.sqlQueryId)
    world.run()
    world.db.tasks[world.status().taskId] = "SUCCESS"
    world.run()
    t.equal({ world.status().phase, #world.db.queries, #world.db.posts }, { "Succeeded", 1, 0 })
  end,
  ["a lost answer to a query submits nothing twice"] = function(t)
    local world = world_with_broker({ type = "sql", spec = insert })
    world.lose = "POST /druid/v2/sql/task"
    world.run()
    t.equal({ world.status().phase, #world.events }, { "Waiting", 0 })
    world.lose = nil
    world.run()
    t.equal({ world.status().phase, #world.db.queries }, { "Running", 1 })
    t.equal(world.status()["currentIngestionSpec.json"], insert)
  end,
  ["a query that is taken already is found, whatever Druid calls it"] = function(t)
    local world = world_with_broker({ type = "sql", nativeSpec = { query = insert, context = { sqlQueryId = "mine" } } })
    world.db.tasks["query-mine"] = "RUNNING"
    world.run()
    t.equal({ world.status().phase, world.status().taskId, world.db.queries }, { "Running", "query-mine" })
  end,
  ["a query that Druid refuses is told with its words"] = function(t)
    local world = world_with_broker({ type = "sql", spec = insert })
    world.db.refuse = "Object 'x' not found (line [1], column [27])"
    world.run()
    t.equal({ world.status().phase, world.events[1] }, { "Rejected", "DruidIngestionControllerCreateFail" })
    t.ok(world.status().message:find("HTTP 400 Object 'x' not found (line [1], column [27])", 1, true), world.status().message)
  end,
  ["a Druid without the extension is told what it needs"] = function(t)
    local world = world_with_broker({ type = "sql", spec = insert })
    world.db.no_sql = true
    world.run()
    t.ok(world.status().message:find("druid-multi-stage-query in druid.extensions.loadList", 1, true), world.status().message)
  end,
  ["a suspended query is stopped and begun anew under another id"] = function(t)
    local world = world_with_broker({ type = "sql", spec = insert })
    world.run()
    local first = world.status().taskId
    world.object.spec.suspend = true
    world.run()
    t.equal(world.db.tasks[first], "FAILED")
    world.run()
    t.equal(world.status().phase, "Suspended")
    world.object.spec.suspend = nil
    world.run()
    world.run()
    t.equal({ world.status().phase, #world.db.queries, world.status().taskId ~= first }, { "Running", 2, true })
  end,
  ["rules and compaction belong to what a query writes to"] = function(t)
    local world = world_with_broker({ type = "sql", spec = insert, rules = { { type = "loadForever" } },
      compaction = { skipOffsetFromLatest = "P1D" } })
    world.run()
    t.equal({ world.db.rules.wiki[1].type, world.db.compaction.wiki.dataSource }, { "loadForever", "wiki" })
  end,
  ["the id of a query fits Druid"] = function(t)
    local object = { metadata = { name = ("x"):rep(253), namespace = ("n"):rep(63), uid = "u" },
      spec = { ingestion = { type = "sql", spec = insert } } }
    local job = job_of.of(object, 0)
    t.ok(#job.id + #"-worker1000_1000" <= 255 and job.id:find("^query%-[%w_%-]+$"), job.id)
    t.equal(sql.body(job), { query = insert, context = { sqlQueryId = job.id:sub(7) } })
    t.ok(job_of.of(object, 1).id ~= job.id)
  end,
}
