/* DescribeCluster (key 60). */
#include "broker/api/api_admin.h"
#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "protocol/kafka_error.h"

#define ENDPOINT_BROKERS 1
#define ENDPOINT_CONTROLLERS 2

void api_describe_cluster(struct request *rq)
{
    const struct kafka_describe_cluster_request *body = rq->body;
    struct kafka_describe_cluster_response *response = request_alloc(rq, sizeof *response);
    struct kafka_describe_cluster_response_broker *node =
        message_alloc_array(&kafka_describe_cluster_response_broker_schema, &rq->arena, 1);
    if (response == NULL || node == NULL) {
        request_close(rq, "out of memory for DescribeCluster");
        return;
    }
    message_init(&kafka_describe_cluster_response_schema, response);
    int8_t endpoint = rq->version >= 1 ? body->endpoint_type : ENDPOINT_BROKERS;
    if (endpoint != ENDPOINT_BROKERS) {
        bool known = endpoint == ENDPOINT_CONTROLLERS;
        response->error_code =
            known ? KAFKA_ERROR_MISMATCHED_ENDPOINT_TYPE : KAFKA_ERROR_UNSUPPORTED_ENDPOINT_TYPE;
        response->error_message =
            bytes_of_text(known ? "The request was sent to an endpoint of type BROKER, but we "
                                  "wanted an endpoint of type CONTROLLER"
                                : "Unsupported endpoint type");
        request_respond(rq, response);
        return;
    }
    int32_t id = controller_node_id(broker_controller(rq->broker));
    node->broker_id = id;
    node->host = bytes_of_text(broker_advertised_host(rq->broker));
    node->port = broker_advertised_port(rq->broker);
    response->endpoint_type = ENDPOINT_BROKERS;
    response->cluster_id = bytes_of_text(broker_cluster_id(rq->broker));
    response->controller_id = id;
    response->brokers = node;
    response->brokers_count = 1;
    response->cluster_authorized_operations = body->include_cluster_authorized_operations
                                                  ? API_ADMIN_OPERATIONS_CLUSTER
                                                  : API_ADMIN_OPERATIONS_NONE;
    request_respond(rq, response);
}
