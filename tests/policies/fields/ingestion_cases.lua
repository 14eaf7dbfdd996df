-- Values that hold a rule of ingestion.rules, and values that break it, by place; see rules_cases.lua.

local M = {}

local native = { type = "index_parallel", spec = { dataSchema = { dataSource = "wiki" } } }
local stream = { type = "kafka", spec = { dataSchema = { dataSource = "wiki" } } }
local insert = "INSERT INTO wiki SELECT * FROM x PARTITIONED BY DAY"

local function work(type_name, native_spec, text)
  return { type = type_name, nativeSpec = native_spec, spec = text }
end

local function repeated(count)
  local list = {}
  for i = 1, count do
    list[i] = { type = "loadForever" }
  end
  return list
end

M.cases = {
  ["spec/druidCluster"] = { { good = { "a", "demo-1" }, bad = { "", "A", "a_b", "-a", ("a"):rep(300) } } },
  ["spec/ingestion/type"] = { { good = { "native-batch", "index-hadoop" },
    bad = { "", "Kafka", "batch", "native batch" } } },
  ["spec/ingestion"] = {
    { good = { work("native-batch", native), work("native-batch", nil, "{\"type\": \"index_parallel\"}"),
        work("kafka", stream, ""), work("sql", { query = insert }), work("sql", nil, insert) },
      bad = { work("native-batch"), work("kafka", nil, ""), work("sql") } },
    { good = { work("native-batch", nil, " \n{\"type\": \"index_parallel\"}"), work("native-batch", native, "old") },
      bad = { work("native-batch", nil, "[1]"), work("kafka", nil, "type: kafka"), work("native-batch", nil, " ") } },
    { good = { work("kafka", stream), work("supervisor", stream), work("kafka", { spec = stream.spec }) },
      bad = { work("kinesis", stream), work("rabbit", stream), work("kafka", native) } },
  },
  ["spec/ingestion/rules"] = { { good = { repeated(1), repeated(1000) }, bad = { repeated(1001) } } },
  ["spec/ingestion/rules/*"] = { {
    good = { { type = "loadForever", tieredReplicants = { hot = 2 } }, { type = "dropByPeriod", period = "P1M" } },
    bad = { { period = "P1M" }, { type = "" } } } },
  ["spec/auth"] = { {
    good = { { type = "basic-auth", secretRef = { name = "s" } }, { type = "" },
      { secretRef = { name = "s", namespace = "n" } } },
    bad = { { type = "basic-auth" }, { type = "basic-auth", secretRef = { namespace = "n" } },
      { type = "basic-auth", secretRef = { name = "" } } } } },
}

M.kind, M.rules = "DruidIngestion", "ingestion.rules"

-- Where a value of a place is one entry: what the entry is called.
M.entry = {}

function M.spec()
  return { druidCluster = "demo", ingestion = { type = "native-batch", nativeSpec = native } }
end

-- What has to stand around a value.
M.around = {}

return M
