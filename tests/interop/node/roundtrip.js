// kafkajs: admin, producer, group consumer, and its registry client. Prints "ok" at the end.
const { Kafka, CompressionTypes, logLevel } = require('kafkajs')
const { SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry')

async function consume(kafka, topic, groupId, count) {
  const consumer = kafka.consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const got = []
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${got.length} of ${count} records of ${topic}`)), 40000)
    consumer.run({
      eachMessage: async ({ message }) => {
        got.push(message)
        if (got.length === count) { clearTimeout(timer); resolve() }
      }
    })
  })
  await consumer.disconnect()
  return got
}

async function main() {
  const kafka = new Kafka({ brokers: [process.argv[2]], clientId: 'interop', logLevel: logLevel.ERROR })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'js', numPartitions: 3 }, { topic: 'js-avro', numPartitions: 1 }] })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
    await producer.send({
      topic: 'js', acks: -1, compression,
      messages: Array.from({ length: 100 }, (_, i) => ({ key: `k${i}`, value: `v${i}`, headers: { n: String(i) } }))
    })
  }
  const got = await consume(kafka, 'js', 'js-group', 200)
  if (got[0].headers.n === undefined) throw new Error('header lost')
  const offsets = await admin.fetchTopicOffsets('js')
  const total = offsets.reduce((sum, o) => sum + Number(o.high), 0)
  if (total !== 200) throw new Error(`high watermarks sum to ${total}`)
  if (process.argv[3]) {
    const registry = new SchemaRegistry({ host: process.argv[3] })
    const schema = { type: SchemaType.AVRO, schema: JSON.stringify({ type: 'record', name: 'R', namespace: 'n', fields: [{ name: 'a', type: 'int' }] }) }
    const { id } = await registry.register(schema, { subject: 'js-avro-value' })
    await producer.send({ topic: 'js-avro', messages: [{ value: await registry.encode(id, { a: 7 }) }] })
    const [message] = await consume(kafka, 'js-avro', 'js-avro-group', 1)
    const value = await new SchemaRegistry({ host: process.argv[3] }).decode(message.value)
    if (value.a !== 7) throw new Error('decoded ' + JSON.stringify(value))
  }
  await producer.disconnect()
  const { groups } = await admin.listGroups()
  if (!groups.some(g => g.groupId === 'js-group')) throw new Error('group not listed')
  await admin.deleteTopics({ topics: ['js'] })
  await admin.disconnect()
  console.log('ok')
}

main().catch(error => { console.error(error); process.exit(1) })
