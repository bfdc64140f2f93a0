/* Runs a kernel with one fault, for Oclgrind to find: bites race|bounds|uninitialized. */
#include <CL/cl.h>

#include <stdio.h>

static const char source[] =
    "kernel void race(global int *x) { x[0] = (int)get_local_id(0) + x[1]; }\n"
    "kernel void bounds(global int *x) { x[get_global_id(0) + 1000] = 1; }\n"
    "kernel void uninitialized(global int *x)\n"
    "{\n"
    "    local int shared[2];\n"
    "    x[get_global_id(0)] = shared[get_local_id(0)];\n"
    "}\n";

int main(int argc, char **argv)
{
    const size_t items = 2;
    const cl_int zeros[2] = {0, 0};
    const char *text = source;
    cl_platform_id platform;
    cl_device_id device;
    cl_int status;
    if (argc != 2 || clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS ||
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL) != CL_SUCCESS)
        return 2;
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
    cl_command_queue queue = clCreateCommandQueue(context, device, 0, &status);
    cl_program program = clCreateProgramWithSource(context, 1, &text, NULL, &status);
    clBuildProgram(program, 1, &device, "", NULL, NULL);
    cl_kernel kernel = clCreateKernel(program, argv[1], &status);
    cl_mem x = clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof(zeros), NULL, &status);
    clEnqueueWriteBuffer(queue, x, CL_TRUE, 0, sizeof(zeros), zeros, 0, NULL, NULL);
    clSetKernelArg(kernel, 0, sizeof(x), &x);
    status = clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, &items, 0, NULL, NULL);
    clFinish(queue);
    clReleaseMemObject(x);
    clReleaseKernel(kernel);
    clReleaseProgram(program);
    clReleaseCommandQueue(queue);
    clReleaseContext(context);
    return status == CL_SUCCESS ? 0 : 1;
}
