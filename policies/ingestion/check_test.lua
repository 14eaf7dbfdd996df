local check = require "ingestion.check"
local ingestion = require "ingestion.init"
local job = require "ingestion.job"
local problems_of = require "lib.problems"

local function object(spec_ingestion, auth)
  return { apiVersion = "druid.apache.org/v1alpha1", kind = "DruidIngestion",
    metadata = { name = ("x"):rep(253), namespace = "ns", uid = "u" },
    spec = { druidCluster = "demo", ingestion = spec_ingestion, auth = auth } }
end

return {
  ["a name that no server takes is told, in one line"] = function(t)
    for _, name in ipairs({ ("x"):rep(254), "A", "a_b", "-a", "a..b", "a\nb" }) do
      local one = object({ type = "sql", spec = "INSERT INTO a SELECT 1" })
      t.equal(check.problems(one), {})
      one.metadata.name = name
      local problems = check.problems(one)
      t.equal({ #problems, problems[1] and problems[1].field }, { 1, "metadata.name" }, name)
      t.equal(problems_of.line(problems):find("%c"), nil)
    end
  end,
  ["of an object that could not be read whole nothing is made"] = function(t)
    local one = object({ type = "sql", spec = "INSERT INTO a SELECT 1" })
    one.metadata.annotations = { ["nemeton.dev/unreadable"] = "spec.ingestion.nativeSpec.a" }
    t.equal(problems_of.line(check.problems(one)),
      "spec.ingestion.nativeSpec.a is nested too deeply to be read; write it with fewer than 100 levels")
  end,
  ["what cannot be submitted is told with its field"] = function(t)
    for _, case in ipairs({
      { { nativeSpec = { type = "x" } }, "spec.ingestion.type is missing" },
      { { type = "batch", spec = "{}" }, "spec.ingestion.type \"batch\" cannot be submitted" },
      { { type = "native-batch" }, "spec.ingestion has neither nativeSpec nor spec" },
      { { type = "native-batch", nativeSpec = json.object({}) }, "spec.ingestion.nativeSpec is missing" },
      { { type = "native-batch", spec = "{" }, "spec.ingestion.spec is not JSON" },
      { { type = "native-batch", spec = "[1]" }, "spec.ingestion has a spec that is no JSON object" },
      { { type = "native-batch", nativeSpec = { type = "kafka" } }, "is a supervisor; set spec.ingestion.type to kafka" },
      { { type = "kafka", nativeSpec = { type = "kinesis" } }, "spec.ingestion is of another type than its nativeSpec" },
      { { type = "kafka", spec = "{\"type\": \"kinesis\"}" }, "spec.ingestion.spec.type \"kinesis\" is not kafka" },
      { { type = "kafka", nativeSpec = { type = "kafka" } }, "names no data source" },
      { { type = "sql", nativeSpec = { type = "x" } }, "spec.ingestion.nativeSpec has no query" },
      { { type = "sql", spec = "{\"query\": 1}" }, "spec.ingestion.spec has no query" },
      { { type = "sql", spec = "SELECT 1" }, "spec.ingestion.spec has a query that writes nothing" },
      { { type = "sql", nativeSpec = { query = "INSERT INTO a SELECT 1", context = "x" } }, "has a context that is no object" },
      { { type = "sql", spec = "INSERT INTO EXTERN(x()) AS CSV SELECT 1", rules = { { type = "loadForever" } } },
        "names no data source, which compaction and rules need; let the query write to one" },
      { { type = "native-batch", nativeSpec = { type = "x" }, rules = { { type = "loadForever" } } },
        "which compaction and rules need" },
    }) do
      local problems = check.problems(object(case[1]))
      t.equal(#problems, 1, case[2])
      t.ok(problems_of.sentence(problems[1]):find(case[2], 1, true), problems_of.sentence(problems[1]))
      local rendered, err = ingestion.render(object(case[1]))
      t.equal({ rendered == nil, err.code }, { true, "invalid" })
    end
    t.equal(check.problems({ spec = { ingestion = { type = "kafka" } } })[1].field, "spec.druidCluster")
    t.equal(#check.problems({}), 1)
    t.equal(check.problems(object({ type = "native-batch", nativeSpec = { type = "x" } }, { type = "basic-auth" }))[1].field,
      "spec.auth")
    t.equal(check.problems(object({ type = "native-batch", nativeSpec = { type = "x" } }, json.object({}))), {})
  end,
  ["the id of a task fits Druid and tells objects, specifications and attempts apart"] = function(t)
    local one = object({ type = "native-batch", nativeSpec = { type = "index_parallel" } })
    local other = object({ type = "native-batch", nativeSpec = { type = "index_parallel", context = { a = 1 } } })
    local id = job.of(one, 0).id
    t.ok(#id <= 255 and id:find("^[%w_%-%.]+$"), id)
    t.equal(job.of(one, 0).id, id)
    t.ok(job.of(one, 1).id ~= id and job.of(other, 0).id ~= id)
    one.metadata.uid = "another"
    t.ok(job.of(one, 0).id ~= id)
  end,
  ["a supervisor is known by its id or data source"] = function(t)
    for _, case in ipairs({
      { { type = "kafka", spec = { dataSchema = { dataSource = "a" } } }, "a" },
      { { type = "kafka", dataSchema = { dataSource = "a" } }, "a" },
      { { type = "kafka", id = "b", spec = { dataSchema = { dataSource = "a" } } }, "b" },
      { { type = "autocompact", spec = { dataSource = "a" } }, "autocompact__a" },
    }) do
      t.equal(job.supervisor_id(case[1]), case[2])
    end
  end,
}
