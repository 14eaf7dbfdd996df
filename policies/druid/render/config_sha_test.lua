-- The digests are those that the Go operator computes for its own example cluster (druid-test in
-- apache/druid-operator, Apache License 2.0): clusters in the field carry such values.

local config = require "druid.render.config"
local config_sha = require "druid.render.config_sha"
local groups = require "druid.groups"

local function example()
  return groups.cluster({
    apiVersion = "druid.apache.org/v1alpha1",
    kind = "Druid",
    metadata = { name = "druid-test", namespace = "test-namespace", uid = "u" },
    spec = {
      zookeeper = { type = "default", spec = { properties = [==[
druid.zk.service.host=zookeeper-0.zookeeper,zookeeper-1.zookeeper,zookeeper-2.zookeeper
druid.zk.paths.base=/druid
druid.zk.service.compress=false]==] } },
      metadataStore = { type = "default", spec = { properties = [==[
druid.metadata.storage.type=postgresql
druid.metadata.storage.connector.connectURI=jdbc:postgresql://rdsaddr.us-west-2.rds.amazonaws.com:5432/druiddb
druid.metadata.storage.connector.user=iamuser
druid.metadata.storage.connector.password=changeme
druid.metadata.storage.connector.createTables=true]==] } },
      deepStorage = { type = "default", spec = { properties = [==[
druid.storage.type=s3
druid.storage.bucket=mybucket
druid.storage.baseKey=druid/segments
druid.s3.accessKey=accesskey
druid.s3.secretKey=secretkey]==] } },
      ["metricDimensions.json"] = [==[
{
  "query/time" : { "dimensions" : ["dataSource", "type"], "type" : "timer"}
}]==],
      ["jvm.options"] = [==[
-server
-XX:MaxDirectMemorySize=10240g
-Duser.timezone=UTC
-Dfile.encoding=UTF-8
-Dlog4j.debug
-XX:+ExitOnOutOfMemoryError
-XX:+HeapDumpOnOutOfMemoryError
-XX:+UseG1GC
-Djava.util.logging.manager=org.apache.logging.log4j.jul.LogManager]==],
      ["log4j.config"] = [==[
<?xml version="1.0" encoding="UTF-8" ?>
<Configuration status="WARN">
    <Appenders>
        <Console name="Console" target="SYSTEM_OUT">
            <PatternLayout pattern="%d{ISO8601} %p [%t] %c - %m%n"/>
        </Console>
    </Appenders>
    <Loggers>
        <Root level="info">
            <AppenderRef ref="Console"/>
        </Root>
    </Loggers>
</Configuration>]==],
      ["common.runtime.properties"] = [==[
#
# Extensions
#
druid.extensions.loadList=["druid-datasketches", "druid-s3-extensions", "postgresql-metadata-storage"]

#
# Logging
#
# Log all runtime properties on startup. Disable to avoid logging properties on startup:
druid.startup.logging.logProperties=true

#
# Indexing service logs
#
# Store indexing logs in an S3 bucket named 'druid-deep-storage' with the
# prefix 'druid/indexing-logs'
druid.indexer.logs.type=s3
druid.indexer.logs.s3Bucket=mybucket
druid.indexer.logs.s3Prefix=druid/indexing-logs

#
# Service discovery
#
druid.selectors.indexing.serviceName=druid/overlord
druid.selectors.coordinator.serviceName=druid/coordinator

#
# Monitoring
#
druid.monitoring.monitors=["com.metamx.metrics.JvmMonitor"]
druid.emitter=logging
druid.emitter.logging.logLevel=info

# Storage type of double columns
# ommiting this will lead to index double as float at the storage layer
druid.indexing.doubleStorage=double]==],
      nodes = { brokers = {
        nodeType = "broker",
        ["druid.port"] = 8080,
        ["runtime.properties"] = [==[
druid.service=druid/broker

# HTTP server threads
druid.broker.http.numConnections=5
druid.server.http.numThreads=25

# Processing threads and buffers
druid.processing.buffer.sizeBytes=1
druid.processing.numMergeBuffers=1
druid.processing.numThreads=1]==],
        ["extra.jvm.options"] = [==[
-Xmx1G
-Xms1G]==],
      } },
    },
  })
end

return {
  ["the common configuration has the digest that running clusters have"] = function(t)
    t.equal(config_sha.one(config.common(example())), "1/BkoZEvfj+rB80LzeQeu6T7mhs=")
  end,
  ["a group's configuration has the digest that running clusters have"] = function(t)
    local cluster = example()
    t.equal(config_sha.one(config.node(cluster, cluster.groups[1])), "O3jmICgrTjJkMBlGlE05W7dGhA0=")
  end,
  ["text is escaped as Go does it"] = function(t)
    local document = config_sha.document({
      metadata = { name = "n", namespace = "s", labels = { b = "1", a = "2" } },
      data = { k = '<a href="x">&\t\1\127é\u{2028}\\</a>' },
    })
    t.equal(document, '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n","namespace":"s",'
      .. '"creationTimestamp":null,"labels":{"a":"2","b":"1"}},"data":{"k":"\\u003ca href=\\"x\\"'
      .. '\\u003e\\u0026\\t\\u0001\127é\\u2028\\\\\\u003c/a\\u003e"}}')
  end,
  ["every character is printed as Go does it, alone and among others"] = function(t)
    local all = { "é", "\u{2028}", "\u{2029}", "\u{2030}", "\u{FFFD}", "\u{1F600}", "\\b", "\\\\f" }
    for code = 1, 127 do
      all[#all + 1] = string.char(code)
    end
    local function printed(text)
      local document = config_sha.document({ metadata = { name = "n", namespace = "s", labels = {} }, data = { k = text } })
      return document:match('"labels":{}},"data":{"k":"(.*)"}}$')
    end
    local together = {}
    for i, char in ipairs(all) do
      together[i] = printed(char)
      t.equal(config_sha.text(char), '"' .. together[i] .. '"')
    end
    t.equal(printed(table.concat(all)), table.concat(together))
    t.equal({ printed("\b"), printed("\f"), printed("\1"), printed("\31"), printed("\127"), printed("&"), printed("\\b") },
      { "\\u0008", "\\u000c", "\\u0001", "\\u001f", "\127", "\\u0026", "\\\\b" })
  end,
  ["a configuration of 900 kB has the digest of its pieces put together"] = function(t)
    local line = "druid.some.property=<é\u{2028}\"&\"\u{2028}>\n"
    local large = { metadata = { name = "n", namespace = "s", labels = { a = "b" } },
      data = { k = line:rep(900000 // #line) } }
    local before = config_sha.piece_bytes
    local whole = config_sha.one(large)
    local lengths = { 65537, 65538, 65539, 199999 }
    for _, length in ipairs(lengths) do   -- cuts at every place within a character
      config_sha.piece_bytes = length
      t.equal(config_sha.one(large), whole, "pieces of " .. length)
    end
    config_sha.piece_bytes = before
    local escaped = 'druid.some.property=\\u003cé\\u2028\\"\\u0026\\"\\u2028\\u003e\\n'
    local document = config_sha.document(large)
    t.equal(document:sub(-#escaped - 3), escaped .. '"}}')
    t.equal(select(2, document:sub(1, 70000):gsub("[<>&\n]", "")), 0)
  end,
}
