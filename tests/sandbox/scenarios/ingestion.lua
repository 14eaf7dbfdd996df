local w = require "world"
local M = { title = "submits batches and streams once, follows them, keeps their settings, and always lets go" }

local INGESTION = "DruidIngestion"
local DATA = { dataSchema = { dataSource = "news" }, ioConfig = { topic = "news", taskCount = 1, taskDuration = "PT1H" } }

local function ingestion(name, cluster, spec)
  return { apiVersion = w.DRUID.apiVersion, kind = INGESTION, metadata = { name = name, namespace = w.namespace },
    spec = { druidCluster = cluster, ingestion = spec } }
end

local function read(name)
  return w.read(w.DRUID.apiVersion, INGESTION, name)
end

local function target(name)
  return w.target(w.DRUID.apiVersion, INGESTION, name)
end

local function phase(name, wanted)
  return function()
    local object = read(name)
    local status = object and object.status or {}
    return status.phase == wanted and status.observedGeneration == object.metadata.generation and object,
      tostring(status.phase) .. ": " .. tostring(status.message)
  end
end

local function gone(name)
  return function()
    local object = read(name)
    return object == nil, object and object.status and object.status.message
  end
end

local function batches(cluster)
  local count = 0
  for _, task in pairs(w.model("tasks", cluster)) do
    count = count + (task.type == "index_parallel" and 1 or 0)
  end
  return count
end

local function batch(name, cluster)
  return ingestion(name, cluster, { type = "native-batch", nativeSpec = { type = "index_parallel",
    spec = { dataSchema = { dataSource = "wiki" } } } })
end

-- An operator that dies around the submission, and a batch that is run once all the same.
local function run_batch(ctx)
  w.check(ctx.create(batch("load", "tiny")))
  ctx.sleep(random.int(1, 400))
  w.operator("kill")
  ctx.sleep(500)
  w.operator("start")
  w.wait(ctx, "the batch has succeeded", 180, phase("load", "Succeeded"))
  w.equal(batches("tiny"), 1, "tasks")
  w.check(ctx.patch(target("load"), { metadata = { annotations = { ["nemeton.dev/run-again"] = "once" } } }))
  w.wait(ctx, "it is run again", 120, function() return batches("tiny") == 2 end)
  w.wait(ctx, "it has succeeded again", 180, phase("load", "Succeeded"))
end

-- The same by SQL: the operator dies around the submission, and the query is run once.
local function run_query(ctx)
  w.check(ctx.create(ingestion("query", "tiny", { type = "sql", rules = { { type = "loadForever" } },
    spec = "REPLACE INTO copy OVERWRITE ALL SELECT * FROM wiki PARTITIONED BY DAY" })))
  ctx.sleep(random.int(1, 400))
  w.operator("kill")
  ctx.sleep(500)
  w.operator("start")
  w.wait(ctx, "the query has succeeded", 180, phase("query", "Succeeded"))
  local count = 0
  for _, task in pairs(w.model("tasks", "tiny")) do
    count = count + (task.type == "query_controller" and task.ds == "copy" and 1 or 0)
  end
  w.equal(count, 1, "tasks of the query")
  w.wait(ctx, "its data have the rules", 60, function() return w.model("dynamic", "tiny").rules.copy end)
end

local function run_stream(ctx)
  local stream = ingestion("news", "tiny", { type = "kafka", nativeSpec = { type = "kafka", spec = DATA },
    rules = { { type = "loadForever", tieredReplicants = { _default_tier = 1 } } },
    compaction = { skipOffsetFromLatest = "P1D" } })
  w.check(ctx.create(stream))
  w.wait(ctx, "the stream runs", 120, phase("news", "Running"))
  w.wait(ctx, "rules and compaction are there", 60, function()
    local dynamic = w.model("dynamic", "tiny")
    return dynamic.rules and dynamic.rules.news and dynamic.compaction and dynamic.compaction.news
  end)
  w.check(ctx.patch(target("news"), { spec = { suspend = true } }))
  w.wait(ctx, "it is suspended", 60, function() return w.model("supervisors", "tiny").news.suspended end)
  w.wait(ctx, "it says so", 60, phase("news", "Suspended"))
  w.check(ctx.patch(target("news"), { spec = { suspend = false } }))
  w.wait(ctx, "it runs again", 120, phase("news", "Running"))
  w.check(ctx.patch(target("news"), { spec = { ingestion = { rules = json.null, compaction = json.null } } }))
  w.wait(ctx, "its settings are gone", 60, function()
    local dynamic = w.model("dynamic", "tiny")
    return #dynamic.rules.news == 0 and dynamic.compaction.news == nil
  end)
end

-- Druid hangs: another cluster is served as ever, and a deletion comes to its end.
local function survive_silence(ctx)
  w.write_model(ctx, "faults", "- {answer: hang}\n", "tiny")
  w.check(ctx.delete(target("news")))
  w.check(ctx.create(batch("other", "second")))
  w.wait(ctx, "the other cluster's batch has succeeded", 90, phase("other", "Succeeded"))
  w.wait(ctx, "the finalizer has gone", 240, gone("news"))
  w.wait(ctx, "it is told what may still run", 10, function() return #w.events("DruidIngestionControllerDeleteFail") > 0 end)
  w.write_model(ctx, "faults", "[]\n", "tiny")
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- nobody plays Druid there
  if w.mode == "virtual" then w.check(ctx.create(w.cluster("second"))) end
  w.deploy(ctx)
  run_batch(ctx)
  if w.mode ~= "virtual" then return end   -- the rest takes its time
  run_query(ctx)
  run_stream(ctx)
  w.wait(ctx, "the second cluster is Ready", 120, function() return w.is_ready("second") end)
  survive_silence(ctx)
  -- Without its cluster there is nothing to ask.
  w.check(ctx.delete(w.druid("second")))
  w.wait(ctx, "the second cluster is gone", 120, function() return w.read(w.DRUID.apiVersion, w.DRUID.kind, "second") == nil end)
  w.check(ctx.delete(target("other")))
  w.wait(ctx, "what belonged to it is let go", 30, gone("other"))
  w.check(ctx.delete(target("query")))
  w.wait(ctx, "the query is let go", 60, gone("query"))
  w.check(ctx.delete(target("load")))
  w.wait(ctx, "the batch is let go", 60, gone("load"))
end

return M
